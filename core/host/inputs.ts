/**
 * What a hook is given must stay as it is: the next plugin reads it too. Lists and objects are frozen. Arrays of
 * numbers cannot be: a digest of them is compared before and after each tap.
 */
import { Tensor } from "@tensorflow/tfjs-core";
import { isRecord } from "../messages/describe.ts";

/** Freeze a list or a plain object that is handed out, and the lists and objects directly in it. */
export function freezeGiven(value: unknown): void {
  if (!isPlain(value)) return;
  Object.freeze(value);
  if (!Array.isArray(value))
    for (const field of Object.values(value)) if (Array.isArray(field) || isSimple(field)) Object.freeze(field);
}

const isSimple = (value: unknown): boolean => isRecord(value) && Object.getPrototypeOf(value) === Object.prototype;
const isPlain = (value: unknown): value is object =>
  Array.isArray(value) || (isRecord(value) && value.constructor === Object);

/** A result as it is handed on: a list or plain object of its own, so that whoever made it may go on using theirs. */
export function ownCopy(result: unknown): unknown {
  if (Array.isArray(result)) return [...(result as unknown[])];
  return isSimple(result) ? { ...(result as object) } : result;
}

/** Digests by place: "rewards", "batch.samples", "batch.groupOf". */
export type Digests = ReadonlyMap<string, number>;

/**
 * Digests of a hook's arguments; tensors, which give copies of their numbers, and functions are passed over. What
 * several places hold counts at the first.
 */
export function digestsOf(args: readonly unknown[], names: readonly string[]): Digests {
  const digests = new Map<string, number>();
  const digest = new Digest();
  args.forEach((arg, index) => {
    const name = names[index] ?? `argument ${index}`;
    if (!isRecord(arg)) digests.set(name, digest.of(arg));
    else for (const field of Object.keys(arg)) digests.set(`${name}.${field}`, digest.of(arg[field]));
  });
  return digests;
}

/** A number that differs, but for chance, where two values do. */
export const digestOf = (value: unknown): number => new Digest().of(value);

/** The first place whose digest is another now; null when none is. */
export const changedPlace = (before: Digests, after: Digests): string | null =>
  [...before].find(([place, digest]) => after.get(place) !== digest)?.[0] ?? null;

/** Whether one of a hook's arguments, or of their fields, is a tensor that was disposed; its place, else null. */
export function disposedPlace(args: readonly unknown[], names: readonly string[]): string | null {
  for (const [index, arg] of args.entries()) {
    if (arg instanceof Tensor && arg.isDisposed) return names[index] ?? `argument ${index}`;
    if (!isRecord(arg)) continue;
    for (const [field, value] of Object.entries(arg))
      if (value instanceof Tensor && value.isDisposed) return `${names[index] ?? index}.${field}`;
  }
  return null;
}

/** Arrays and texts longer than this (pictures) are looked at in some places only. */
const WHOLE = 16_384;
const PLACES = 2048;

/** Between the places that are looked at. */
const strideOf = (length: number): number => (length <= WHOLE ? 1 : Math.floor(length / PLACES));

const PRIME = 0x01000193;
const double = new Float64Array(1);
const halves = new Uint32Array(double.buffer);

/** A number that differs, but for chance, where one number, text or length in a value does. */
class Digest {
  #state = 0;
  readonly #seen = new Map<object, number>();

  of(value: unknown): number {
    this.#state = 0x811c9dc5;
    this.#visit(value);
    return this.#state;
  }

  #mix(word: number): void {
    this.#state = Math.imul(this.#state ^ word, PRIME) ^ (this.#state >>> 15);
  }

  #visit(value: unknown): void {
    if (typeof value === "object" && value !== null) this.#object(value);
    else if (typeof value === "string") this.#text(value);
    else if (typeof value === "number") {
      double[0] = value;
      this.#mix(halves[0]!);
      this.#mix(halves[1]!);
    } else if (typeof value === "boolean" || value === null) this.#mix(value === null ? 2 : Number(value));
  }

  #object(value: object): void {
    const seen = this.#seen.get(value);
    if (seen !== undefined) return this.#mix(seen);
    if (value instanceof Tensor) return;
    this.#seen.set(value, this.#seen.size);
    if (ArrayBuffer.isView(value)) this.#numbers(value);
    else if (value instanceof Map) {
      this.#mix(value.size);
      for (const [key, item] of value) {
        this.#visit(key);
        this.#visit(item);
      }
    } else this.#fields(value as Readonly<Record<string, unknown>>);
  }

  /** Of what is frozen only the objects in it can change. */
  #fields(value: Readonly<Record<string, unknown>> | readonly unknown[]): void {
    const frozen = Object.isFrozen(value);
    if (Array.isArray(value)) {
      this.#mix(value.length);
      for (const item of value as readonly unknown[]) if (!frozen || typeof item === "object") this.#visit(item);
      return;
    }
    for (const key of Object.keys(value)) {
      const field = (value as Readonly<Record<string, unknown>>)[key];
      if (frozen && typeof field !== "object") continue;
      if (!frozen) this.#text(key);
      this.#visit(field);
    }
  }

  #numbers(view: ArrayBufferView): void {
    const { buffer, byteOffset, byteLength } = view;
    this.#words(
      byteOffset % 4 === 0 && byteLength % 4 === 0
        ? new Uint32Array(buffer, byteOffset, byteLength / 4)
        : new Uint8Array(buffer, byteOffset, byteLength),
    );
  }

  /** Two chains side by side, since each step of one waits for the step before. */
  #words(words: Uint32Array | Uint8Array): void {
    const { length } = words;
    const stride = strideOf(length);
    let [a, b] = [this.#state ^ length, this.#state];
    let index = 0;
    for (; index + stride < length; index += 2 * stride) {
      a = Math.imul(a ^ words[index]!, PRIME) ^ (a >>> 15);
      b = Math.imul(b ^ words[index + stride]!, PRIME) ^ (b >>> 15);
    }
    if (index < length) a = Math.imul(a ^ words[index]!, PRIME) ^ (a >>> 15);
    this.#state = a;
    this.#mix(b);
  }

  #text(text: string): void {
    const { length } = text;
    const stride = strideOf(length);
    let state = this.#state ^ length;
    for (let index = 0; index < length; index += stride) {
      state = Math.imul(state ^ text.charCodeAt(index), PRIME) ^ (state >>> 15);
    }
    this.#state = state;
  }
}

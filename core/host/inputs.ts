/**
 * What a hook is given must stay as it is: the next plugin reads it too. Lists and objects are frozen. Arrays of numbers cannot be; while they are watched, a digest of
 * them is compared before and after each tap.
 */
import { Tensor } from "@tensorflow/tfjs-core";
import { isRecord } from "./describe.ts";

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

/** Digests of a hook's arguments; tensors, which give copies of their numbers, and functions are passed over. */
export function digestsOf(args: readonly unknown[], names: readonly string[]): Digests {
  const digests = new Map<string, number>();
  args.forEach((arg, index) => {
    const name = names[index] ?? `argument ${index}`;
    if (!isRecord(arg)) digests.set(name, digestOf(arg));
    else for (const [field, value] of Object.entries(arg)) digests.set(`${name}.${field}`, digestOf(value));
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

/** Arrays longer than this (pictures) are looked at in so many places only. */
const PLACES = 16_384;

/** A number that differs, but for chance, where one number, text or length in a value does. */
class Digest {
  #state = 0x811c9dc5;
  readonly #seen = new Set<object>();

  of(value: unknown): number {
    this.#visit(value);
    return this.#state;
  }

  #mix(word: number): void {
    this.#state = Math.imul(this.#state ^ word, 0x01000193) ^ (this.#state >>> 15);
  }

  #visit(value: unknown): void {
    if (typeof value === "string") this.#text(value);
    else if (typeof value === "number") this.#words(new Uint32Array(Float64Array.of(value).buffer));
    else if (typeof value === "boolean" || value === null) this.#mix(value === null ? 2 : Number(value));
    else if (typeof value === "object" && !(value instanceof Tensor) && !this.#seen.has(value)) {
      this.#seen.add(value);
      this.#object(value);
    }
  }

  #object(value: object): void {
    if (ArrayBuffer.isView(value)) this.#numbers(value);
    else if (Array.isArray(value) || value instanceof Map) {
      this.#mix(Array.isArray(value) ? value.length : value.size);
      for (const item of value) this.#visit(item);
    } else {
      for (const [key, field] of Object.entries(value)) {
        this.#text(key);
        this.#visit(field);
      }
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

  #words(words: Uint32Array | Uint8Array): void {
    this.#mix(words.length);
    const stride = Math.max(1, Math.floor(words.length / PLACES));
    for (let index = 0; index < words.length; index += stride) this.#mix(words[index]!);
  }

  #text(text: string): void {
    this.#mix(text.length);
    for (let index = 0; index < text.length; index++) this.#mix(text.charCodeAt(index));
  }
}

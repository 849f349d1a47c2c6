/** Weights that stay in their file: frozen ones, of which no copy is kept in memory. */
import { closeSync, fstatSync, openSync, readSync, realpathSync, statSync } from "node:fs";
import type { FileArray, FileType } from "../../graph/executor.ts";
import { widenBfloat16, widenFloat16 } from "./float-formats.ts";
import type { TensorEntry } from "./safetensors-header.ts";
import type { FloatSource } from "./safetensors-write.ts";

/** Bytes read at a time. */
const chunkBytes = 2 ** 24;

/** A file that is held open, so that its bytes stay these while weights are read, whatever is put under its name. */
export class HeldFile {
  readonly path: string;
  readonly descriptor: number;

  constructor(path: string) {
    this.path = realpathSync(path);
    this.descriptor = openSync(this.path, "r");
    files.register(this, this.descriptor);
  }

  /** @throws Error where another file stands under the name now, which a program would read */
  checkName(): void {
    const [held, named] = [fstatSync(this.descriptor), statSync(this.path, { throwIfNoEntry: false })];
    if (named?.ino !== held.ino || named.dev !== held.dev)
      throw new Error(
        `${this.path} is another file than the one this run was started with: its frozen weights are read from it until the end`,
      );
  }
}

/** Of a number. */
const bytesOf: Readonly<Record<FileType, number>> = { F32: 4, F16: 2, BF16: 2 };

const files = new FinalizationRegistry<number>((descriptor) => closeSync(descriptor));

/** A parameter in a file: `data` reads it, widened to float32, each time it is asked for. */
export class FileWeight implements FileArray {
  readonly shape: readonly number[];
  readonly file: FileArray["file"];
  readonly #held: HeldFile;

  constructor(entry: TensorEntry, held: HeldFile) {
    this.shape = entry.shape;
    this.file = { path: held.path, offset: entry.start, type: entry.type as FileType };
    this.#held = held;
  }

  get data(): Float32Array {
    const values = new Float32Array(this.shape.reduce((a, b) => a * b, 1));
    let at = 0;
    for (const part of this.#wideParts()) {
      values.set(part, at);
      at += part.length;
    }
    return values;
  }

  bits(): Uint16Array {
    if (this.file.type !== "BF16")
      throw new Error(`${this.file.path}: numbers at ${this.file.offset} are ${this.file.type}, not BF16`);
    const values = new Uint16Array(this.shape.reduce((a, b) => a * b, 1));
    let at = 0;
    for (const part of this.#parts()) {
      values.set(new Uint16Array(part.buffer, 0, part.byteLength / 2), at);
      at += part.byteLength / 2;
    }
    return values;
  }

  /** As what is written: read once, when its turn comes, a chunk at a time. */
  source(): FloatSource {
    return { shape: this.shape, parts: () => this.#wideParts() };
  }

  /** Values in float32, a chunk at a time in one array. */
  *#wideParts(): Generator<Float32Array> {
    const bytes = bytesOf[this.file.type];
    let values = new Float32Array();
    for (const part of this.#parts()) {
      const count = part.byteLength / bytes;
      if (values.length < count) values = new Float32Array(count);
      widen(this.file.type, part, values.subarray(0, count));
      yield values.subarray(0, count);
    }
  }

  /** See HeldFile. */
  checkName(): void {
    this.#held.checkName();
  }

  /** Where the first number stands that is not finite; −1 without one. */
  firstNotFinite(): number {
    const { type } = this.file;
    let at = 0;
    for (const part of this.#parts()) {
      const found = notFiniteIn(type, part);
      if (found >= 0) return at + found;
      at += part.byteLength / bytesOf[type];
    }
    return -1;
  }

  /** The bytes, a chunk at a time in one buffer. */
  *#parts(): Generator<Uint8Array<ArrayBuffer>> {
    const { offset, type } = this.file;
    const length = this.shape.reduce((a, b) => a * b, bytesOf[type]);
    const buffer = new Uint8Array(Math.min(length, chunkBytes));
    for (let start = 0; start < length; start += chunkBytes) {
      const part = buffer.subarray(0, Math.min(chunkBytes, length - start));
      if (readSync(this.#held.descriptor, part, 0, part.length, offset + start) !== part.length)
        throw new Error(`${this.file.path} ended at ${offset + start}: it is shorter than when this run was started`);
      yield part;
    }
  }
}

/** Into the float32 values that half as many, or as many, bytes hold. */
function widen(type: FileType, bytes: Uint8Array<ArrayBuffer>, into: Float32Array): void {
  if (type === "F32") into.set(new Float32Array(bytes.buffer, 0, into.length));
  else if (type === "BF16") widenBfloat16(new Uint16Array(bytes.buffer, 0, into.length), into);
  else widenFloat16(new Uint16Array(bytes.buffer, 0, into.length), into);
}

/**
 * Of 32-bit words, which hold one number or two: bits of the exponents, which only a number that is not finite has all
 * of; their lowest; the signs.
 */
const inWords = {
  F32: [0x7f800000, 0x00800000, 0x80000000],
  F16: [0x7c007c00, 0x04000400, 0x80008000],
  BF16: [0x7f807f80, 0x00800080, 0x80008000],
} as const;

/**
 * Place of the first number in bytes that is not finite; −1 without one. Looks at words first: a large file is all
 * numbers that are.
 */
function notFiniteIn(type: FileType, bytes: Uint8Array<ArrayBuffer>): number {
  const [all, lowest, signs] = inWords[type];
  const words = new Uint32Array(bytes.buffer, 0, bytes.byteLength >> 2);
  // An exponent of all ones carries into the sign's place.
  let found = 0;
  for (let i = 0; i < words.length; i++) found |= ((words[i] as number) & all) + lowest;
  const whole = words.byteLength === bytes.byteLength;
  if ((found & signs) === 0 && whole) return -1;
  const [numbers, exponent] =
    type === "F32" ? [words, all] : [new Uint16Array(bytes.buffer, 0, bytes.byteLength >> 1), all & 0xffff];
  return numbers.findIndex((bits) => (bits & exponent) === exponent);
}

/** Reads a file of lines that may be growing, from where the last reading ended: never the whole file at once. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";

const chunkBytes = 1 << 20;
const newline = 0x0a;

/** A line with its place in the file, bytes; the newline is not in it. */
export interface Line {
  readonly offset: number;
  readonly length: number;
  readonly text: string;
}

export class LineReader {
  readonly file: string;
  #offset = 0;
  #identity = "";
  /**
   * The last bytes before the offset: a file that was written anew (a resumed run cuts what it repeats) has others
   * there.
   */
  #before: Buffer = Buffer.alloc(0);

  constructor(file: string) {
    this.file = file;
  }

  /**
   * Whether the file is no longer the one that was read: replaced, cut or gone. Then reading begins again at its first
   * line.
   */
  replaced(): boolean {
    if (this.#offset === 0) return false;
    const same = this.#open(
      (file, size, identity) => identity === this.#identity && size >= this.#offset && this.#endsAsBefore(file),
    );
    if (same === true) return false;
    this.#offset = 0;
    this.#before = Buffer.alloc(0);
    return true;
  }

  /**
   * Whole lines that have come since the last call, until `enough()` says so. The rest comes with the next call.
   * @param last also what stands after the last newline: nobody writes any more
   */
  *read({
    enough = () => false,
    last = false,
  }: { readonly enough?: () => boolean; readonly last?: boolean } = {}): Generator<Line> {
    let pending: Buffer = Buffer.alloc(0);
    let at = this.#offset;
    while (!enough()) {
      const chunk = this.#chunk(at);
      if (chunk === null || chunk.length === 0) break;
      at += chunk.length;
      const joined = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
      let start = 0;
      for (let end = joined.indexOf(newline); end >= 0; end = joined.indexOf(newline, start)) {
        const line = { offset: this.#offset, length: end - start, text: joined.toString("utf8", start, end) };
        this.#pass(joined.subarray(start, end + 1));
        start = end + 1;
        yield line;
      }
      pending = joined.subarray(start);
    }
    if (!last || pending.length === 0) return;
    const line = { offset: this.#offset, length: pending.length, text: pending.toString("utf8") };
    this.#pass(pending);
    yield line;
  }

  /** A line that was read before. */
  at({ offset, length }: Pick<Line, "offset" | "length">): string | null {
    return this.#open((file) => {
      const bytes = Buffer.alloc(length);
      return readSync(file, bytes, 0, length, offset) < length ? null : bytes.toString("utf8");
    });
  }

  #pass(bytes: Buffer): void {
    this.#offset += bytes.length;
    this.#before = bytes.subarray(-64);
  }

  #endsAsBefore(file: number): boolean {
    const bytes = Buffer.alloc(this.#before.length);
    readSync(file, bytes, 0, bytes.length, this.#offset - bytes.length);
    return bytes.equals(this.#before);
  }

  #chunk(at: number): Buffer | null {
    return this.#open((file, size, identity) => {
      this.#identity = identity;
      const bytes = Buffer.alloc(Math.min(chunkBytes, Math.max(0, size - at)));
      return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, at));
    });
  }

  /** Null where there is no such file. */
  #open<T>(work: (file: number, size: number, identity: string) => T): T | null {
    let file: number;
    try {
      file = openSync(this.file, "r");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
      throw error;
    }
    try {
      const { size, dev, ino } = fstatSync(file);
      return work(file, size, `${dev} ${ino}`);
    } finally {
      closeSync(file);
    }
  }
}

/** The lines of a file with where each stands, in bytes. */
import { createReadStream } from "node:fs";
import { unreadable } from "./records.ts";

export interface Line {
  /** From 1. */
  readonly number: number;
  readonly start: number;
  /** In bytes, without its end. */
  readonly length: number;
  readonly text: string;
}

/**
 * Every line, blank ones too, without its end and without a byte order mark; as many at a time as were read together.
 * @throws Error naming the file that cannot be read
 */
export async function* linesOf(file: string): AsyncGenerator<readonly Line[]> {
  let [number, start] = [0, 0];
  let parts: Buffer[] = [];
  const lineOf = (bytes: Buffer): Line => {
    const line = { number: ++number, start, length: bytes.length, text: bytes.toString("utf8").replace(/^\uFEFF/, "") };
    start += bytes.length + 1;
    return line;
  };
  try {
    for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) {
      const lines: Line[] = [];
      let rest = chunk as Buffer;
      for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
        lines.push(
          lineOf(parts.length === 0 ? rest.subarray(0, end) : Buffer.concat([...parts, rest.subarray(0, end)])),
        );
        parts = [];
        rest = rest.subarray(end + 1);
      }
      if (rest.length > 0) parts.push(rest);
      yield lines;
    }
  } catch (error) {
    throw unreadable(file, error as Error);
  }
  if (parts.length > 0) yield [lineOf(Buffer.concat(parts))];
}

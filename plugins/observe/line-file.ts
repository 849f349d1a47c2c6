/** Logs of one JSON object a line that a resumed run goes on with. */
import {
  appendFileSync,
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
} from "node:fs";
import { dirname } from "node:path";

const chunkBytes = 1 << 20;
const newline = 0x0a;

/** Appends a JSON line. A line that a kill or a full disk cut short is closed first, so that it costs only itself. */
export function appendLine(path: string, line: unknown): void {
  mkdirSync(dirname(path), { recursive: true });
  appendFileSync(path, `${endsMidLine(path) ? "\n" : ""}${JSON.stringify(line)}\n`);
}

/**
 * Cuts what stands behind the last line of a step before this one: a resumed run does those steps again. Read from the
 * end, since such logs may be larger than a text can be, and few of their lines are cut.
 */
export function cutFromStep(path: string, step: number): void {
  if (!existsSync(path)) return;
  const file = openSync(path, "r+");
  try {
    const { size } = fstatSync(file);
    const keep = endOfStepsBefore(file, size, step);
    if (keep < size) ftruncateSync(file, keep);
  } finally {
    closeSync(file);
  }
}

/** Bytes up to the end of the last line of an earlier step; 0 where there is none. */
function endOfStepsBefore(file: number, size: number, step: number): number {
  let tail: Buffer = Buffer.alloc(0);
  for (let from = size; from > 0;) {
    const chunk = Buffer.alloc(Math.min(chunkBytes, from));
    from -= chunk.length;
    readSync(file, chunk, 0, chunk.length, from);
    tail = Buffer.concat([chunk, tail]);
    // From the last newline back; what stands before the first one is no whole line yet, unless the file begins there.
    for (let end = tail.lastIndexOf(newline); end >= 0;) {
      const before = end === 0 ? -1 : tail.lastIndexOf(newline, end - 1);
      if (before < 0 && from > 0) break;
      if (isBefore(tail.toString("utf8", before + 1, end), step)) return from + end + 1;
      tail = tail.subarray(0, end);
      end = before;
    }
  }
  return 0;
}

/** Damaged lines are no step's. */
function isBefore(text: string, step: number): boolean {
  try {
    const found = (JSON.parse(text) as { readonly step?: unknown } | null)?.step;
    return typeof found === "number" && found < step;
  } catch {
    return false;
  }
}

function endsMidLine(path: string): boolean {
  if (!existsSync(path)) return false;
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file);
    const last = Buffer.alloc(1);
    return size > 0 && readSync(file, last, 0, 1, size - 1) === 1 && last[0] !== newline;
  } finally {
    closeSync(file);
  }
}

/**
 * Reads damaged files in a process that may be lost: `fuzz-child.ts <from> <count> <seed>`; says each file's number
 * before it is read, and what was raw.
 */
import { writeSync } from "node:fs";
import { fuzzFiles } from "../test/support/fuzz/fuzz.ts";

const [from, count, seed] = process.argv.slice(2).map(Number) as [number, number, number];
const say = (value: unknown): void => void writeSync(1, `${JSON.stringify(value)}\n`);
const { raw } = await fuzzFiles(count, seed, { from, onFile: (index, kind) => say({ index, kind }) });
for (const message of raw) say({ raw: message });
process.exit(0);

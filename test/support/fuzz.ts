/** Valid files, damaged by a seed: what every reader of users' files makes of them. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { loadPicture, openData } from "@papo/core";
import { createRandom, type Random } from "../../core/math/random.ts";
import { root } from "./command-line.ts";

const cases = join(root, "test/golden/cases");

/** The corpus: one valid file for each reader. */
const corpus = [join(cases, "benchmarks/saved/test/data-00000-of-00001.arrow"), join(cases, "rows/values.parquet"), join(cases, "rows/values.arrow")];
const written: Readonly<Record<string, string>> = {
  ".jsonl": '{"prompt": "a \\u00e9", "answer": 1.50, "about": {"list": [1, null, "x"]}}\n{"prompt": "b", "answer": "2"}\n',
  ".json": '[{"prompt": "a", "answer": "1"}, {"prompt": "b", "answer": "2"}]',
  ".csv": 'prompt,answer\n"a, b",1\nc,2\n',
  ".svg": '<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"><rect width="4" height="4" fill="red"/></svg>',
};

/** Bytes flipped, set to extremes, cut, repeated. */
function damaged(whole: Uint8Array, random: Random): Buffer {
  let bytes = Buffer.from(whole);
  const at = (draw: number): number => Math.floor(random.uniform(draw) * bytes.length);
  const deeds = 1 + Math.floor(random.uniform(0) * 4);
  for (let deed = 1; deed <= deeds; deed++) {
    const [kind, place] = [Math.floor(random.uniform(10 * deed) * 5), at(10 * deed + 1)];
    if (bytes.length === 0) break;
    if (kind === 0) bytes[place]! ^= 1 << Math.floor(random.uniform(10 * deed + 2) * 8);
    else if (kind === 1) bytes.fill(random.uniform(10 * deed + 2) < 0.5 ? 0xff : 0x00, place, Math.min(bytes.length, place + 4));
    else if (kind === 2) bytes[place] = Math.floor(random.uniform(10 * deed + 2) * 256);
    else if (kind === 3) bytes = bytes.subarray(0, place);
    else bytes = Buffer.concat([bytes.subarray(0, place), bytes.subarray(at(10 * deed + 3))]);
  }
  return bytes;
}

export interface FuzzReport {
  readonly tried: number;
  /** Files that were read, or refused with a message. */
  readonly survived: number;
  /** Messages that no person should see, with the seed and the number of the file. */
  readonly raw: readonly string[];
}

const rawMessage = /Cannot read propert|is not a function|is not iterable|Invalid typed array|out of bounds|\bundefined\b|\[object |[\u0000-\u0008\u001b\u009b]/;

/** Damage so many files and read each as users' files are read. Equal seeds damage alike. */
export async function fuzzFiles(count: number, seed: number): Promise<FuzzReport> {
  const folder = mkdtempSync(join(tmpdir(), "fuzz-"));
  const whole = [...corpus.map((file) => [extname(file), readFileSync(file)] as const), ...Object.entries(written).map(([kind, text]) => [kind, Buffer.from(text)] as const)];
  const raw: string[] = [];
  let survived = 0;
  try {
    for (let index = 0; index < count; index++) {
      const [kind, bytes] = whole[index % whole.length]!;
      const path = join(folder, `file${kind}`);
      writeFileSync(path, damaged(bytes, createRandom(seed).key(index)));
      const message = await outcomeOf(path, kind);
      survived++;
      if (message !== null && rawMessage.test(message)) raw.push(`seed ${seed}, file ${index} (${kind}): ${message.slice(0, 200)}`);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  return { tried: count, survived, raw };
}

/** What it was refused with; null: it was read. */
async function outcomeOf(path: string, kind: string): Promise<string | null> {
  try {
    if (kind === ".svg") await loadPicture(path);
    else {
      const dataset = await openData(path, { onBadRow: "skip", limits: { seconds: 10, megabytes: 1024 } });
      for (let index = 0; index < Math.min(dataset.size, 20); index++) await dataset.row(index);
    }
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

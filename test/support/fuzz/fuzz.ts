/** Valid files, damaged by a seed: what every parser makes of them. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRandom, type Random } from "../../../core/math/random.ts";
import { damagedBytes, damagedJson } from "./damage.ts";
import { makeKinds, wholeOf, type Kind } from "./kinds.ts";

export interface FuzzReport {
  readonly tried: number;
  /** Files that were read, or refused with a message. */
  readonly survived: number;
  /** Messages that no person should see, with the seed and the number of the file. */
  readonly raw: readonly string[];
}

const rawMessage = new RegExp(
  [
    "Cannot read propert",
    "is not a function",
    "is not iterable",
    "Invalid typed array",
    "out of bounds",
    "\\bundefined\\b",
    "\\[object ",
    "Cannot convert",
    "Invalid array length",
    "Maximum call stack",
    "reading '",
    "Expected .* received",
    "Invalid string length",
    "offset is out",
    "[\\u0000-\\u0008\\u001b\\u009b]",
  ].join("|"),
);

export interface FuzzOptions {
  /** The first file's number. */
  readonly from?: number;
  /** Told before each file: a process that ends without a word has ended at it. */
  readonly onFile?: (index: number, kind: string) => void;
  /** Bytes of memory that a file may cost the process. */
  readonly mostBytes?: number;
}

/** Damage files and read each as a run does. Equal seeds damage alike, wherever they begin. */
export async function fuzzFiles(
  count: number,
  seed: number,
  { from = 0, onFile = () => undefined, mostBytes = 1.5 * 2 ** 30 }: FuzzOptions = {},
): Promise<FuzzReport> {
  return inFolder(async (kinds) => {
    const raw: string[] = [];
    let survived = 0;
    for (let index = from; index < from + count; index++) {
      const kind = kinds[index % kinds.length]!;
      onFile(index, kind.name);
      const found = await fuzzOne(kind, seed, index);
      survived++;
      if (found !== null) raw.push(found);
      if (process.memoryUsage.rss() > mostBytes)
        raw.push(
          `seed ${seed}, file ${index} (${kind.name}): the process has ${Math.round(process.memoryUsage.rss() / 2 ** 20)} MiB`,
        );
    }
    return { tried: count, survived, raw };
  });
}

/** Files on which a parser once failed, or said what no person should see. */
export const kept = JSON.parse(readFileSync(new URL("./kept.json", import.meta.url), "utf8")) as readonly {
  readonly kind: string;
  readonly seed: number;
  readonly index: number;
}[];

/** The files that are kept. @throws Error for a kind that there is no more */
export function fuzzKept(): Promise<FuzzReport> {
  return inFolder(async (kinds) => {
    const raw: string[] = [];
    for (const { kind: name, seed, index } of kept) {
      const kind = kinds.find((one) => one.name === name);
      if (kind === undefined)
        throw new Error(`kept.json names the kind "${name}"; there are ${kinds.map((one) => one.name).join(", ")}`);
      const found = await fuzzOne(kind, seed, index);
      if (found !== null) raw.push(found);
    }
    return { tried: kept.length, survived: kept.length, raw };
  });
}

type WholeKind = Kind & { readonly whole: Buffer };

async function inFolder<T>(work: (kinds: readonly WholeKind[]) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "fuzz-"));
  try {
    return await work((await makeKinds(folder)).map((kind) => ({ ...kind, whole: wholeOf(kind) })));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What was said that no person should see; null: nothing. */
async function fuzzOne(kind: WholeKind, seed: number, index: number): Promise<string | null> {
  const path = join(kind.folder, kind.file);
  writeFileSync(path, damaged(kind, kind.whole, createRandom(seed).key(index)));
  const message = await outcomeOf(kind);
  writeFileSync(path, kind.whole);
  return message !== null && rawMessage.test(message)
    ? `seed ${seed}, file ${index} (${kind.name}): ${message.slice(0, 300)}`
    : null;
}

/** Half of the texts that are JSON keep its grammar. */
function damaged({ file, reach = Infinity }: Kind, whole: Buffer, random: Random): Uint8Array | string {
  if (/\.jsonl?$/.test(file) && random.key("grammar").uniform(0) < 0.5) {
    const lines = file.endsWith("l") ? whole.toString("utf8").split("\n") : [whole.toString("utf8")];
    const line = Math.floor(random.key("line").uniform(0) * Math.max(1, lines.length - 1));
    return lines.map((text, index) => (index === line ? damagedJson(text, random.key("json")) : text)).join("\n");
  }
  return Buffer.concat([damagedBytes(whole.subarray(0, reach), random), whole.subarray(Math.min(reach, whole.length))]);
}

/** What it was refused with; null: it was read. */
async function outcomeOf({ read }: Kind): Promise<string | null> {
  try {
    await read();
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : `it threw ${String(error)}`;
  }
}

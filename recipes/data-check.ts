/** What is wrong with a dataset, before a run finds out. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { loadPicture, type Dataset, type PictureSource, type Row } from "@papo/core";
import { isUsableGold, restoreCommands } from "@papo/plugins";
import sharp from "sharp";

export interface DataReport {
  readonly rows: number;
  /** Rows by the number of their pictures: those without, with one, with several. */
  readonly pictures: { readonly none: number; readonly one: number; readonly several: number };
  /** By kind, every finding. */
  readonly findings: Readonly<Record<FindingKind, readonly Finding[]>>;
}

export const findingKinds = ["unusable row", "empty answer", "unparsable answer", "lost backslash", "broken picture", "repeated row", "repeated picture", "leak"] as const;
export type FindingKind = (typeof findingKinds)[number];

export interface Finding {
  /** Id of the row. */
  readonly row: string;
  readonly what: string;
}

export interface CheckOptions {
  /** Rows that must not be seen in training: pictures that look alike are leaks. */
  readonly against?: Dataset;
  /** Called with the number of rows done. */
  readonly onProgress?: (done: number) => void;
}

/** Bits of 64 in which the hashes of two pictures that look alike may differ. */
const alike = 3;
/** A picture whose rows rise and fall in fewer places than this says too little to be compared. */
const fewestEdges = 6;

/** Read every row and every picture. Answers that are words are no finding: they are compared as words. */
export async function checkData(dataset: Dataset, { against, onProgress }: CheckOptions = {}): Promise<DataReport> {
  const findings: Record<FindingKind, Finding[]> = { "unusable row": [], "empty answer": [], "unparsable answer": [], "lost backslash": [], "broken picture": [], "repeated row": [], "repeated picture": [], leak: [] };
  const pictures = { none: 0, one: 0, several: 0 };
  const held = against === undefined ? [] : await looksOf(against);
  const seen = new Map<string, string>();
  const shown = new Map<string, string>();
  for (const { where, reason } of dataset.skipped) findings["unusable row"].push({ row: where, what: reason });
  for (let index = 0; index < dataset.size; index++) {
    const row = await rowAt(dataset, index, findings["unusable row"]);
    onProgress?.(index + 1);
    if (row === null) continue;
    pictures[row.images.length === 0 ? "none" : row.images.length === 1 ? "one" : "several"]++;
    if (row.answer.trim() === "") findings["empty answer"].push({ row: row.id, what: "the answer is empty" });
    else if (!isUsableGold(row.answer, row.fields["choices"])) findings["unparsable answer"].push({ row: row.id, what: row.answer.slice(0, 80) });
    const restored = restoreCommands(row.answer);
    if (restored.count > 0) findings["lost backslash"].push({ row: row.id, what: `${JSON.stringify(row.answer.slice(0, 80))} is read as ${restored.text.slice(0, 80)}` });
    const hashes = await Promise.all(row.images.map(async (source) => {
      try {
        const bytes = await bytesOf(source);
        await loadPicture(bytes, nameOf(source));
        return { digest: createHash("sha256").update(bytes).digest("hex"), look: held.length === 0 ? null : await lookOf(bytes) };
      } catch (error) {
        findings["broken picture"].push({ row: row.id, what: (error as Error).message });
        return null;
      }
    }));
    const key = JSON.stringify([row.prompt, row.answer, hashes.map((hash) => hash?.digest)]);
    const earlier = seen.get(key);
    if (earlier !== undefined) findings["repeated row"].push({ row: row.id, what: `the same question, answer and pictures as "${earlier}"` });
    else seen.set(key, row.id);
    for (const { digest } of hashes.flatMap((hash) => hash ?? [])) {
      const other = shown.get(digest);
      if (other === undefined) shown.set(digest, row.id);
      else if (other === row.id) findings["repeated picture"].push({ row: row.id, what: "it has the same picture twice" });
      else if (earlier === undefined) findings["repeated picture"].push({ row: row.id, what: `one of its pictures is also in "${other}", which asks something else` });
    }
    for (const hash of hashes) {
      const match = hash === null || hash.look === null ? undefined : held.find(({ look }) => distance(look, hash.look as Look) <= alike);
      if (match !== undefined) findings.leak.push({ row: row.id, what: `its picture looks like that of "${match.row}" in ${against!.name}` });
    }
  }
  return { rows: dataset.size, pictures, findings };
}

async function rowAt(dataset: Dataset, index: number, unusable: Finding[]): Promise<Row | null> {
  try {
    return await dataset.row(index);
  } catch (error) {
    unusable.push({ row: String(index), what: (error as Error).message });
    return null;
  }
}

const bytesOf = (source: PictureSource): Promise<Uint8Array> => (typeof source === "string" ? readFile(source) : Promise.resolve(source.bytes));
const nameOf = (source: PictureSource): string => (typeof source === "string" ? source : source.name);

/** Which of 8 × 8 places of a picture are brighter than the next to the right: two halves of 32 bits. Null for a plain one. */
type Look = readonly [number, number];

async function lookOf(bytes: Uint8Array): Promise<Look | null> {
  const grey = await sharp(bytes).greyscale().resize(9, 8, { fit: "fill" }).raw().toBuffer();
  const bits = Array.from({ length: 64 }, (_, at) => Number(grey[Math.floor(at / 8) * 9 + (at % 8)]! > grey[Math.floor(at / 8) * 9 + (at % 8) + 1]!));
  const edges = bits.filter(Boolean).length;
  if (edges < fewestEdges || edges > 64 - fewestEdges) return null;
  const half = (start: number): number => bits.slice(start, start + 32).reduce((word, bit, index) => (word | (bit << index)) >>> 0, 0);
  return [half(0), half(32)];
}

async function looksOf(dataset: Dataset): Promise<{ readonly row: string; readonly look: Look }[]> {
  const found = [];
  for (let index = 0; index < dataset.size; index++) {
    const row = await rowAt(dataset, index, []);
    for (const source of row?.images ?? []) {
      const look = await bytesOf(source).then(lookOf).catch(() => null);
      if (look !== null) found.push({ row: row!.id, look });
    }
  }
  return found;
}

const distance = (a: Look, b: Look): number => ones(a[0] ^ b[0]) + ones(a[1] ^ b[1]);

function ones(word: number): number {
  let left = word >>> 0;
  let count = 0;
  for (; left !== 0; count++) left = (left & (left - 1)) >>> 0;
  return count;
}

/** Pictures that look alike, whatever their size and format: a difference hash of 64 bits. */
import { readPictureFile, withinBudget, type Dataset, type PictureSource } from "@papo/core";
import sharp from "sharp";

/** Which of 8 × 8 places of a picture are brighter than the next to the right: two halves of 32 bits. */
export type Look = readonly [number, number];

/** A picture that others are compared with. */
export interface Seen {
  /** Id of its row. */
  readonly row: string;
  /** What that row asks. */
  readonly prompt: string;
  readonly picture: string;
  readonly look: Look;
}

/** A picture whose rows rise and fall in fewer places than this says too little to be compared. */
const fewestEdges = 6;

/** Null for a plain picture. @throws Error when it is none */
export async function lookOf(bytes: Uint8Array): Promise<Look | null> {
  const grey = await withinBudget(bytes, () => sharp(bytes).greyscale().resize(9, 8, { fit: "fill" }).raw().toBuffer());
  const bits = Array.from({ length: 64 }, (_, at) =>
    Number(grey[Math.floor(at / 8) * 9 + (at % 8)]! > grey[Math.floor(at / 8) * 9 + (at % 8) + 1]!),
  );
  const edges = bits.filter(Boolean).length;
  if (edges < fewestEdges || edges > 64 - fewestEdges) return null;
  const half = (start: number): number =>
    bits.slice(start, start + 32).reduce((word, bit, index) => (word | (bit << index)) >>> 0, 0);
  return [half(0), half(32)];
}

/** Every picture of a dataset that can be read and compared. */
export async function looksIn(dataset: Dataset): Promise<Seen[]> {
  const found: Seen[] = [];
  for (let index = 0; index < dataset.size; index++) {
    const row = await Promise.resolve(dataset.row(index)).catch(() => null);
    for (const source of row?.images ?? []) {
      const look = await bytesOf(source)
        .then(lookOf)
        .catch(() => null);
      if (look !== null) found.push({ row: row!.id, prompt: row!.prompt, picture: nameOf(source), look });
    }
  }
  return found;
}

export const bytesOf = async (source: PictureSource): Promise<Uint8Array> =>
  typeof source === "string" ? readPictureFile(source) : source.bytes;
export const nameOf = (source: PictureSource): string => (typeof source === "string" ? source : source.name);

/** Bits in which two differ, 0 to 64. */
export const distance = (a: Look, b: Look): number => ones(a[0] ^ b[0]) + ones(a[1] ^ b[1]);

function ones(word: number): number {
  let left = word >>> 0;
  let count = 0;
  for (; left !== 0; count++) left = (left & (left - 1)) >>> 0;
  return count;
}

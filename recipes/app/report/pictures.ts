/** Pictures for one self-contained file: small, and each only once. */
import { readFile } from "node:fs/promises";
import { isAbsolute, relative, resolve } from "node:path";
import sharp from "sharp";
import { questionPictures } from "./questions.ts";
import type { RunRecord } from "./run-record.ts";

const dataUrl = /^data:image\/(png|jpeg|webp);base64,[A-Za-z0-9+/=]+$/;

/** The data URLs of all samples' pictures, and where each of them is: `index(run, picture)` of a run's file or data URL. */
export interface PictureShelf {
  readonly urls: readonly string[];
  index(run: RunRecord, picture: string): number | null;
}

/** Characters of all data URLs together. */
const budget = 24_000_000;

/**
 * Reads every picture that a sample of `runs` names, then those of questions, and packs them as WebP, the longest side at most `largestSide` pixels.
 * A picture that is missing, unreadable, outside its run's folder, or too much for one page is left out: the report shows an empty frame for it.
 */
export const shelvePictures = async (runs: readonly RunRecord[], largestSide: number): Promise<PictureShelf> => {
  const urls: string[] = [];
  const indexOf = new Map<string, number | null>();
  const byUrl = new Map<string, number>();
  let characters = 0;
  for (const { run, picture } of [...runs.flatMap(ofSamples), ...ofQuestions(runs)]) {
    const key = keyOf(run, picture);
    if (indexOf.has(key) || characters > budget) continue;
    const url = await packed(run, picture, largestSide);
    const known = url === null ? null : (byUrl.get(url) ?? urls.push(url) - 1);
    indexOf.set(key, known);
    if (url === null || known === null || byUrl.has(url)) continue;
    byUrl.set(url, known);
    characters += url.length;
  }
  return { urls, index: (run, picture) => indexOf.get(keyOf(run, picture)) ?? null };
};

const keyOf = (run: RunRecord, picture: string): string => JSON.stringify([run.folder, picture]);

interface Named {
  readonly run: RunRecord;
  readonly picture: string;
}

const ofSamples = (run: RunRecord): Named[] => run.samples.flatMap(({ pictures }) => pictures.flatMap(({ views }) => Object.values(views).map((picture) => ({ run, picture }))));
const ofQuestions = (runs: readonly RunRecord[]): Named[] => questionPictures(runs).flatMap(({ run, pictures }) => pictures.flatMap((views) => Object.values(views).map((picture) => ({ run, picture }))));

const packed = async (run: RunRecord, picture: string, largestSide: number): Promise<string | null> => {
  try {
    const bytes = await bytesOf(run, picture);
    if (bytes === null) return null;
    const size = { width: largestSide, height: largestSide, fit: "inside", withoutEnlargement: true } as const;
    const small = await sharp(bytes).resize(size).webp({ quality: 88 }).toBuffer();
    return `data:image/webp;base64,${small.toString("base64")}`;
  } catch {
    return null;
  }
};

const bytesOf = async (run: RunRecord, picture: string): Promise<Buffer | null> => {
  if (dataUrl.test(picture)) return Buffer.from(picture.slice(picture.indexOf(",") + 1), "base64");
  if (run.folder === null) return null;
  const path = resolve(run.folder, picture);
  const inside = relative(resolve(run.folder), path);
  return inside.startsWith("..") || isAbsolute(inside) ? null : readFile(path);
};

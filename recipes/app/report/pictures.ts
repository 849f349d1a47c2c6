/**
 * Pictures of runs for the page: read from inside the run's folder alone, made small, written anew as WebP whatever
 * they were.
 */
import { realpath } from "node:fs/promises";
import { isAbsolute, relative, resolve } from "node:path";
import { readPictureFile, withinBudget } from "@papo/core";
import sharp from "sharp";

const dataUrl = /^data:image\/(png|jpeg|webp);base64,[A-Za-z0-9+/=]+$/;

/**
 * The picture that a run calls `picture`, a file relative to its folder or a data URL, as WebP, the longest side at
 * most `largestSide` pixels. Null where it is missing, unreadable, or outside the folder.
 * @param folder null where all pictures are data URLs
 */
export async function smallPicture(
  folder: string | null,
  picture: string,
  largestSide: number,
): Promise<Buffer | null> {
  try {
    const bytes = await bytesOf(folder, picture);
    if (bytes === null) return null;
    const size = { width: largestSide, height: largestSide, fit: "inside", withoutEnlargement: true } as const;
    return await withinBudget(bytes, () => sharp(bytes).resize(size).webp({ quality: 88 }).toBuffer());
  } catch {
    return null;
  }
}

async function bytesOf(folder: string | null, picture: string): Promise<Buffer | null> {
  if (dataUrl.test(picture)) return Buffer.from(picture.slice(picture.indexOf(",") + 1), "base64");
  if (folder === null) return null;
  // Links count as what they lead to.
  const [home, path] = [await realpath(folder), await realpath(resolve(folder, picture))];
  const inside = relative(home, path);
  return inside === "" || inside.startsWith("..") || isAbsolute(inside) ? null : readPictureFile(path);
}

/** Pictures that are held at once, each only once, until their characters come to the budget. */
export class PictureShelf {
  readonly urls: string[] = [];
  readonly #budget: number;
  readonly #largestSide: number;
  readonly #known = new Map<string, number | null>();
  readonly #byUrl = new Map<string, number>();
  /** Characters of all data URLs. */
  characters = 0;
  /** Whether a picture found no room. */
  full = false;

  /** @param budget characters of all data URLs together */
  constructor(budget: number, largestSide: number) {
    this.#budget = budget;
    this.#largestSide = largestSide;
  }

  /** Its index in `urls`; null where there is none, or no room for it. */
  async add(folder: string | null, picture: string): Promise<number | null> {
    const key = JSON.stringify([folder, picture]);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const bytes = await smallPicture(folder, picture, this.#largestSide);
    const url = bytes === null ? null : `data:image/webp;base64,${bytes.toString("base64")}`;
    const index = url === null ? null : this.#place(url);
    this.#known.set(key, index);
    return index;
  }

  /** Of a picture that was added. */
  index(folder: string | null, picture: string): number | null {
    return this.#known.get(JSON.stringify([folder, picture])) ?? null;
  }

  #place(url: string): number | null {
    const known = this.#byUrl.get(url);
    if (known !== undefined) return known;
    if (this.characters + url.length > this.#budget) {
      this.full = true;
      return null;
    }
    this.characters += url.length;
    const index = this.urls.push(url) - 1;
    this.#byUrl.set(url, index);
    return index;
  }
}

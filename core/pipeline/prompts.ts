/** Rows become prompts: pictures are read, every view is made and encoded. */
import type { Random } from "../math/random.ts";
import type { EncodedPrompt } from "../model/model.ts";
import { hashPixels } from "../model/image-processor.ts";
import { loadPicture } from "../model/picture.ts";
import type { EncodedPicture, Picture } from "../model/picture.ts";
import type { Prompt, Row } from "./batch.ts";
import type { PromptProcessor } from "./policy.ts";
import type { View, ViewContext } from "./views.ts";

/** A row that cannot be trained on; `onBadRow` or `onLongPrompt` decides what happens. */
export class UnusableRowError extends Error {
  readonly kind: "bad" | "long";

  constructor(kind: "bad" | "long", message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "UnusableRowError";
    this.kind = kind;
  }
}

export interface PromptMaker {
  readonly processor: PromptProcessor;
  readonly views: Iterable<View>;
  /** Root of the views' randomness. */
  readonly random: Random;
  /** Longest prompt in tokens, over every view. */
  readonly maxPromptTokens: number;
}

/**
 * Read a row's pictures and make all its views.
 * @param key the row's name in this step; masks are keyed by (view, step, key, picture)
 * @throws UnusableRowError when a picture cannot be read or encoded, or a view of the prompt is too long
 */
export async function makePrompt(row: Row, key: string, step: number, maker: PromptMaker): Promise<Prompt> {
  const { pictures, encoded, original } = await asBadRow(row, async () => {
    const pictures = await Promise.all(row.images.map((path) => loadPicture(path)));
    const encoded = await maker.processor.encodePictures(pictures);
    return { pictures, encoded, original: maker.processor.encodePrompt(row, encoded) };
  });
  checkLength(row, "original", original, maker.maxPromptTokens);
  const views = new Map([["original", original]]);
  for (const view of maker.views) {
    const random = maker.random.key("view", view.name, step, key);
    const changed = await viewPictures(view, { row, step, pictures, encoded, random }, maker.processor);
    const prompt = maker.processor.encodePrompt(row, changed);
    checkLength(row, view.name, prompt, maker.maxPromptTokens);
    views.set(view.name, prompt);
  }
  return { key, row, pictures, views };
}

interface ViewSource {
  readonly row: Row;
  readonly step: number;
  readonly pictures: readonly Picture[];
  readonly encoded: readonly EncodedPicture[];
  readonly random: Random;
}

/** The prompt's pictures as a view shows them: changed before the processor, after it, or both. */
async function viewPictures(view: View, source: ViewSource, processor: PromptProcessor): Promise<readonly EncodedPicture[]> {
  const { row, step, pictures, encoded, random } = source;
  const context = (picture: number): ViewContext => ({ row, step, picture, random: random.key(picture) });
  try {
    const raw = view.raw === undefined ? encoded : await processor.encodePictures(await changeRaw(view, pictures, context));
    return raw.map((picture, index) => (view.patches === undefined ? picture : rehashed(view.patches(picture, context(index)))));
  } catch (error) {
    throw new Error(`The view "${view.name}" failed on row "${row.id}": ${(error as Error).message}`, { cause: error });
  }
}

async function changeRaw(view: View, pictures: readonly Picture[], context: (picture: number) => ViewContext): Promise<Picture[]> {
  const changed: Picture[] = [];
  for (const [index, picture] of pictures.entries()) changed.push((await view.raw?.(picture, context(index))) ?? picture);
  return changed;
}

/** Equal hashes mean equal patches, so changed patches get a hash of their own. */
function rehashed(picture: EncodedPicture): EncodedPicture {
  return { ...picture, hash: hashPixels(picture.grid, picture.pixels) };
}

async function asBadRow<T>(row: Row, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new UnusableRowError("bad", `Row "${row.id}" cannot be used: ${(error as Error).message}`, { cause: error });
  }
}

function checkLength(row: Row, view: string, { ids }: EncodedPrompt, limit: number): void {
  if (ids.length <= limit) return;
  const which = view === "original" ? "" : ` in the view "${view}"`;
  throw new UnusableRowError("long", `Row "${row.id}" has a prompt of ${ids.length} tokens${which}, maxPromptTokens is ${limit}`);
}

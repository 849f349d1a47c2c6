/** Rows become prompts: pictures are read, every view is made and encoded. */
import { UnusableRowError } from "../contracts/step/unusable-row.ts";
import type { Random } from "../math/random.ts";
import type { EncodedPrompt } from "../model/model.ts";
import { shown } from "../messages/shown.ts";
import { hashPixels } from "../model/processing/image-processor.ts";
import { loadPicture } from "../model/processing/picture.ts";
import type { EncodedPicture, Picture, PictureOptions, ReadingOptions } from "../model/processing/picture.ts";
import type { PictureSource, Row } from "../contracts/step/row.ts";
import type { Prompt, Sample } from "../contracts/step/sample.ts";
import type { PromptProcessor } from "../contracts/policy.ts";
import { marksProblem } from "./marks.ts";
import type { PictureAttention, PromptContext, View, ViewContext } from "../contracts/registered/views.ts";

export interface PromptMaker {
  readonly processor: PromptProcessor;
  readonly views: Iterable<View>;
  /** Root of the views' randomness. */
  readonly random: Random;
  /** Coefficients in force, for the prompts' origin; absent outside of a run's steps. */
  readonly coefficients?: () => Readonly<Record<string, number>>;
  /** Longest prompt in tokens, over every view. */
  readonly maxPromptTokens: number;
  /** For views that ask for it. */
  readonly attention?: PictureAttention;
}

/** A picture of a row. @throws Error naming it when it cannot be read */
export const loadSource = (source: PictureSource, options: ReadingOptions = {}): Promise<Picture> =>
  typeof source === "string"
    ? loadPicture(source, undefined, options)
    : loadPicture(source.bytes, source.name, options);

/**
 * A row's pictures, with the limits of pixels that row and run ask for.
 * @throws Error naming the picture or the column
 */
async function loadRow({ images, fields }: Row, options: PictureOptions = {}): Promise<Picture[]> {
  const limit = (column: string, otherwise: number | null | undefined): number | null => {
    const given = fields[column] ?? otherwise ?? null;
    const value = typeof given === "bigint" ? Number(given) : given;
    if (value === null || (typeof value === "number" && Number.isInteger(value) && value > 0)) return value;
    throw new Error(`column "${column}" holds ${shown(value)}; a whole number of pixels above 0 is needed`);
  };
  const limits = {
    minPixels: limit("min_pixels", options.minPixels),
    maxPixels: limit("max_pixels", options.maxPixels),
  };
  const asked = limits.minPixels !== null || limits.maxPixels !== null;
  const pictures = await Promise.all(images.map((source) => loadSource(source, options)));
  return asked ? pictures.map((picture) => ({ ...picture, limits })) : pictures;
}

/**
 * Read a row's pictures and make all its views of scope "prompt".
 * @param key the row's name in this step; masks are keyed by (view, step, key, picture)
 * @throws UnusableRowError when a picture cannot be read or encoded, or a view of the prompt is too long
 */
export async function makePrompt(row: Row, key: string, step: number, maker: PromptMaker): Promise<Prompt> {
  const { pictures, encoded, original } = await asBadRow(row, async () => {
    const wrong = marksProblem(row);
    if (wrong !== null) throw new Error(wrong);
    const pictures = await loadRow(row, maker.processor.pictures);
    const encoded = await maker.processor.encodePictures(pictures);
    return { pictures, encoded, original: maker.processor.encodePrompt(row, encoded) };
  });
  return withViews({ row, key, step, pictures, encoded, original }, maker);
}

/** A prompt whose pictures are read and encoded. */
export interface EncodedRow extends ViewSource {
  readonly row: Row;
  readonly key: string;
  readonly step: number;
  readonly original: EncodedPrompt;
}

/** The prompt with all its views of scope "prompt". @throws UnusableRowError when one of them is too long */
export async function withViews(
  { row, key, step, pictures, encoded, original }: EncodedRow,
  maker: PromptMaker,
): Promise<Prompt> {
  checkLength(row, "original", original, maker.maxPromptTokens);
  const views = new Map([["original", original]]);
  for (const view of maker.views) {
    if (view.scope === "response") continue;
    const context = { row, step, response: null, random: maker.random.key("view", view.name, step, key) };
    views.set(view.name, await makeView(view, { pictures, encoded }, context, maker));
  }
  return {
    key,
    row,
    pictures,
    views,
    ...(maker.coefficients === undefined ? {} : { origin: { step, coefficients: maker.coefficients() } }),
  };
}

/** Make the views of scope "response" for each sample; its other views are those of its prompt. */
export async function makeResponseViews(samples: readonly Sample[], step: number, maker: PromptMaker): Promise<void> {
  const own = [...maker.views].filter(({ scope }) => scope === "response");
  if (own.length === 0) return;
  for (const sample of samples) {
    const { key, row, pictures, views } = sample.prompt;
    const { index } = sample.response;
    const made = new Map(views);
    for (const view of own) {
      const context = {
        row,
        step,
        response: index,
        random: maker.random.key("view", view.name, step, key, "response", index),
      };
      made.set(view.name, await makeView(view, { pictures, encoded: views.get("original")!.pictures }, context, maker));
    }
    sample.views = made;
  }
}

/** A row's pictures, and the same after the processor. */
interface ViewSource {
  readonly pictures: readonly Picture[];
  readonly encoded: readonly EncodedPicture[];
}

async function makeView(
  view: View,
  source: ViewSource,
  context: PromptContext,
  { processor, maxPromptTokens, attention }: PromptMaker,
): Promise<EncodedPrompt> {
  const { row } = context;
  const encoded = await encodeView(
    view,
    source,
    view.attention === true && attention !== undefined ? { ...context, attention } : context,
    processor,
  ).catch((error: unknown) => {
    throw new Error(`The view "${view.name}" failed on row "${row.id}": ${(error as Error).message}`, { cause: error });
  });
  checkLength(row, view.name, encoded, maxPromptTokens);
  return encoded;
}

async function encodeView(
  view: View,
  source: ViewSource,
  context: PromptContext & Pick<ViewContext, "attention">,
  processor: PromptProcessor,
): Promise<EncodedPrompt> {
  const { row, random } = context;
  const at = (picture: number): ViewContext => ({ ...context, picture, random: random.key(picture) });
  const { prompt: question, system, history } = row;
  const original = {
    prompt: question,
    system,
    ...(history === undefined ? {} : { history }),
    pictures: source.pictures,
  };
  const parts = (await view.prompt?.(original, context)) ?? original;
  const raw =
    view.raw === undefined
      ? parts.pictures
      : await inOrder(parts.pictures, (picture, index) => view.raw?.(picture, at(index)) ?? picture);
  const unchanged =
    raw.length === source.pictures.length && raw.every((picture, index) => picture === source.pictures[index]);
  const encoded = unchanged
    ? source.encoded
    : await processor.encodePictures(raw.map((picture, index) => withLimitsOf(source.pictures[index], picture)));
  const pictures =
    view.patches === undefined
      ? encoded
      : await inOrder(encoded, async (picture, index) =>
          rehashed((await view.patches?.(picture, at(index))) ?? picture),
        );
  const prompt = processor.encodePrompt(parts, pictures);
  const read = view.dropped === undefined ? prompt : withDropped(prompt, view, at, processor);
  const shown = view.regarded === undefined ? read : await withRegarded(read, raw, view, at, processor);
  // Without a picture there is nothing to change.
  return view.values === undefined || shown.pictures.length === 0 ? shown : { ...shown, values: view.values };
}

/** A changed picture keeps the limits of the one that it stands for. */
const withLimitsOf = (original: Picture | undefined, picture: Picture): Picture =>
  picture.limits !== undefined || original?.limits === undefined ? picture : { ...picture, limits: original.limits };

/** One after the other, so that at most one changed picture is in the making. */
async function inOrder<T>(items: readonly T[], change: (item: T, index: number) => T | Promise<T>): Promise<T[]> {
  const changed: T[] = [];
  for (const [index, item] of items.entries()) changed.push(await change(item, index));
  return changed;
}

function withDropped(
  prompt: EncodedPrompt,
  view: View,
  at: (picture: number) => ViewContext,
  processor: PromptProcessor,
): EncodedPrompt {
  const flags = prompt.pictures.flatMap((picture, index) => {
    const tokens = processor.visualTokens(picture);
    const dropped = view.dropped?.(tokens, at(index)) ?? [];
    if (dropped.length !== tokens)
      throw new Error(`it gave ${dropped.length} flags for the ${tokens} visual tokens of picture ${index}`);
    return Array.from(dropped, Number);
  });
  return flags.some(Boolean) ? { ...prompt, dropped: Uint8Array.from(flags) } : prompt;
}

async function withRegarded(
  prompt: EncodedPrompt,
  raw: readonly Picture[],
  view: View,
  at: (picture: number) => ViewContext,
  processor: PromptProcessor,
): Promise<EncodedPrompt> {
  const flags: number[] = [];
  for (const [index, encoded] of prompt.pictures.entries()) {
    const tokens = processor.visualTokens(encoded);
    const regarded = await view.regarded!({ picture: raw[index]!, encoded, tokens }, at(index));
    if (regarded.length !== tokens)
      throw new Error(`it gave ${regarded.length} flags for the ${tokens} visual tokens of picture ${index}`);
    flags.push(...Array.from(regarded, Number));
  }
  return flags.every((flag) => flag === 1) ? prompt : { ...prompt, regarded: Uint8Array.from(flags) };
}

/** Equal hashes mean equal patches, so changed patches get a hash of their own. */
function rehashed(picture: EncodedPicture): EncodedPicture {
  return { ...picture, hash: hashPixels(picture.grid, picture.pixels) };
}

/** @throws UnusableRowError naming the row, for whatever the work throws */
export async function asBadRow<T>(row: Row, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new UnusableRowError("bad", `Row "${row.id}" cannot be used: ${(error as Error).message}`, { cause: error });
  }
}

function checkLength(row: Row, view: string, { ids }: EncodedPrompt, limit: number): void {
  if (ids.length <= limit) return;
  const which = view === "original" ? "" : ` in the view "${view}"`;
  throw new UnusableRowError(
    "long",
    `Row "${row.id}" has a prompt of ${ids.length} tokens${which}, maxPromptTokens is ${limit}`,
  );
}

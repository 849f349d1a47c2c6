/**
 * Examples of the task: a row, its picture and a response to learn from, each made from its seed, split and index
 * alone.
 */
import { createRandom, type Picture, type Random, type Row } from "@papo/core";
import { drawScene, loadSprites, type Sprites } from "./draw.ts";
import { drawsOf, type Draws } from "./draws.ts";
import {
  defaultFreeShare,
  defaultKinds,
  directResponse,
  kindOf,
  questionKinds,
  reasonedResponse,
  sampleItem,
  type Item,
} from "./questions.ts";
import { defaultGrid, type Grid, type Split } from "./scene.ts";
import type { ShapesFields } from "./truth.ts";

export interface ExampleOptions {
  readonly seed: number;
  readonly split: Split;
  /** Names of question kinds that need the picture; default `defaultKinds`. */
  readonly kinds?: readonly string[];
  /** Share of questions that can be answered without looking; default 0.12. */
  readonly freeShare?: number;
  /** Picture sizes, each entry as likely as the next; default 84 × 84 alone. See `mixedGrids`. */
  readonly grids?: readonly Grid[];
}

/** A row whose picture is in memory. `row.images` names a file that need not exist. */
export interface Example {
  readonly row: Row;
  readonly item: Item;
  readonly picture: Picture;
}

export interface SupervisedExample extends Example {
  /** What to answer, without the end-of-turn token. */
  readonly response: string;
}

export interface SupervisedOptions extends Omit<ExampleOptions, "split"> {
  /** Index of the first example. */
  readonly start: number;
  readonly count: number;
  /** Share of examples that answer without reasoning; default 0. */
  readonly directShare?: number;
}

const freeKinds = questionKinds.filter((kind) => kind.level === "free").map((kind) => kind.name);

/** The example of an index; the same whatever was made before. */
export function makeExample(index: number, options: ExampleOptions, sprites: Sprites): Example {
  const random = exampleRandom(options, index);
  return drawExample(index, options, drawItem(drawsOf(random.key("item")), options), sprites);
}

/** A question of one of the kinds, about a scene of one of the sizes. */
export function drawItem(draws: Draws, options: Omit<ExampleOptions, "seed">): Item {
  const { split, kinds = defaultKinds, freeShare = defaultFreeShare, grids = [defaultGrid] } = options;
  const grid = draws.pick(grids);
  const kind = kindOf(draws.pick(draws.uniform() < freeShare ? freeKinds : kinds));
  return sampleItem(draws, { split, kind, grid });
}

/** The row of an item with its picture. */
export function drawExample(index: number, options: ExampleOptions, item: Item, sprites: Sprites): Example {
  const { kind } = item;
  const id = `${options.split}-${options.seed}-${index}`;
  const fields: ShapesFields = {
    kind: kind.name,
    visionDependent: kind.level !== "free",
    facts: [...item.facts],
    reasoning: item.conclusion,
    scene: { grid: item.scene.grid, objects: [...item.scene.objects] },
  };
  return {
    row: { id, prompt: item.question, system: null, images: [`pictures/${id}.png`], answer: item.answer, fields },
    item,
    picture: { ...drawScene(item.scene, exampleRandom(options, index).key("picture"), sprites), source: id },
  };
}

/** What everything about an example is drawn from. */
export const exampleRandom = ({ seed, split }: Pick<ExampleOptions, "seed" | "split">, index: number): Random =>
  createRandom(seed).key("shapes", split, index);

/** Examples start … start + count − 1 of the train split, some answered directly, the others with reasoning. */
export async function supervisedExamples(options: SupervisedOptions): Promise<SupervisedExample[]> {
  const sprites = await sharedSprites();
  const source: ExampleOptions = { ...options, split: "train" };
  return Array.from({ length: options.count }, (_, offset) => {
    const index = options.start + offset;
    const example = makeExample(index, source, sprites);
    const direct = exampleRandom(source, index).key("form").uniform(0) < (options.directShare ?? 0);
    return { ...example, response: direct ? directResponse(example.item) : reasonedResponse(example.item) };
  });
}

let sprites: Promise<Sprites> | null = null;

/** The sprites, rasterised on the first call. */
export const sharedSprites = (): Promise<Sprites> => (sprites ??= loadSprites());

/**
 * Kinds to learn from at a point of supervised training in [0, 1): one thing in one place first, then the easy ones,
 * then all.
 */
export function curriculumKinds(progress: number): readonly string[] {
  if (progress < 0.05) return ["at"];
  if (progress < 0.15) return questionKinds.filter((kind) => kind.level === "easy").map((kind) => kind.name);
  return defaultKinds;
}

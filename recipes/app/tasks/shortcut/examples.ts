/**
 * Examples of the shortcut tasks: scenes and questions of the shapes task under a prior, each made from its seed, split
 * and index alone.
 */
import { drawsOf } from "../shapes/draws.ts";
import { writeExamples, type RowRange } from "../shapes/dataset.ts";
import { drawExample, drawItem, exampleRandom, sharedSprites, type Example } from "../shapes/examples.ts";
import { defaultKinds, reasonedResponse } from "../shapes/questions.ts";
import { mixedGrids, type Split } from "../shapes/scene.ts";
import type { Sprites } from "../shapes/draw.ts";
import { priors, type Guided, type PriorName } from "./priors.ts";
import { priorColumn } from "../../evaluation/question.ts";

export interface ShortcutOptions {
  readonly prior: PriorName;
  readonly split: Split;
  readonly seed: number;
  /** Share of the questions for which the prior leads to the right answer, 0–1. */
  readonly rightShare: number;
}

/** Items drawn for one that the prior can be right, or wrong, about. The rarest answer comes once in about fifty. */
const attempts = 5000;

function guided(index: number, { prior, rightShare, ...source }: ShortcutOptions): Guided {
  const random = exampleRandom(source, index).key(prior);
  const draws = drawsOf(random.key("item"));
  const right = draws.uniform() < rightShare;
  const options = { split: source.split, kinds: [draws.pick(defaultKinds)], freeShare: 0, grids: mixedGrids };
  for (let attempt = 0; attempt < attempts; attempt++) {
    const found = priors[prior](drawItem(draws, options), right, draws, () => drawItem(draws, options));
    if (found !== null) return found;
  }
  throw new Error(
    `The prior "${prior}" is ${right ? "right" : "wrong"} about no question of the kind "${options.kinds[0]}"`,
  );
}

/** The example of an index with the prior's answer and whether it is right in its row's columns. */
export function makeShortcut(index: number, options: ShortcutOptions, sprites: Sprites): Example {
  return exampleOf(index, guided(index, options), options, sprites);
}

function exampleOf(
  index: number,
  { item, prompt, suggested }: Guided,
  options: ShortcutOptions,
  sprites: Sprites,
): Example {
  const example = drawExample(index, options, item, sprites);
  const fields = { ...example.row.fields, [priorColumn]: suggested === item.answer ? "right" : "wrong", suggested };
  return { ...example, row: { ...example.row, prompt, fields } };
}

/** As `writeDataset` writes the shapes task, with the columns `prior` (right, wrong) and `suggested`. */
export async function writeShortcuts(folder: string, options: ShortcutOptions & RowRange): Promise<string> {
  const sprites = await sharedSprites();
  return writeExamples(folder, (index) => makeShortcut(index, options, sprites), options);
}

/**
 * An example to learn from: of `leanShare` of them the answer that the prior leads to, of the others the facts and what
 * follows from them.
 */
export function supervisedShortcut(
  index: number,
  options: ShortcutOptions & { readonly leanShare: number },
  sprites: Sprites,
): Example & { readonly response: string } {
  const found = guided(index, options);
  const leans = exampleRandom(options, index).key(options.prior, "form").uniform(0) < options.leanShare;
  return {
    ...exampleOf(index, found, options, sprites),
    response: leans ? found.leaning : reasonedResponse(found.item),
  };
}

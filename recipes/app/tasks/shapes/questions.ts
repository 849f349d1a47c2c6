/**
 * Questions about scenes: the registry of kinds, and a balanced, split-respecting draw of a scene with its question.
 */
import type { Draws } from "./draws.ts";
import { arithmetic } from "./kinds/arithmetic.ts";
import { compareCounts, countColour, countShape, differenceOfCounts, sumOfCounts } from "./kinds/counting.ts";
import { colourDigitSum, colourOfLargest, digitRange, digitSum } from "./kinds/digits.ts";
import type { QuestionKind } from "./kinds/kind.ts";
import { at, relation } from "./kinds/places.ts";
import { sampleScene, splitOf, type Grid, type Scene, type Split } from "./scene.ts";

/** Every kind of question, from easy to compositional. */
export const questionKinds: readonly QuestionKind[] = [
  at,
  countColour,
  countShape,
  relation,
  sumOfCounts,
  compareCounts,
  digitSum,
  digitRange,
  differenceOfCounts,
  colourDigitSum,
  colourOfLargest,
  arithmetic,
];

/** Names of the vision-dependent kinds asked by default: easy and medium ones. */
export const defaultKinds: readonly string[] = questionKinds
  .filter((kind) => kind.level === "easy" || kind.level === "medium")
  .map((kind) => kind.name);

/** Names of the compositional kinds left out by default. */
export const hardKinds: readonly string[] = questionKinds
  .filter((kind) => kind.level === "hard")
  .map((kind) => kind.name);

/** Share of questions that can be answered without looking. */
export const defaultFreeShare = 0.12;

/** The kind of a name. Throws on an unknown one. */
export function kindOf(name: string): QuestionKind {
  const kind = questionKinds.find((candidate) => candidate.name === name);
  if (kind === undefined)
    throw new Error(
      `There is no question kind "${name}"; there are ${questionKinds.map((known) => known.name).join(", ")}`,
    );
  return kind;
}

/** A scene, a question about it, and the way to its answer. */
export interface Item {
  readonly kind: QuestionKind;
  readonly scene: Scene;
  readonly question: string;
  readonly facts: readonly string[];
  readonly conclusion: string;
  readonly answer: string;
}

export interface ItemOptions {
  readonly split: Split;
  readonly kind: QuestionKind;
  readonly grid: Grid;
}

/**
 * Scenes tried for the answer class that was drawn; then any class does. The rarest class comes once in about thirty.
 */
const classAttempts = 600;

/** Draw a scene of the split and a question of the kind. Throws when the kind cannot be asked on such a grid. */
export function sampleItem(draws: Draws, { split, kind, grid }: ItemOptions): Item {
  const wanted = kind.classes === null ? null : draws.pick(kind.classes);
  for (let attempt = 0; attempt < 2 * classAttempts; attempt++) {
    const scene = sampleScene(draws, { grid, digits: kind.digits });
    if (splitOf(scene) !== split) continue;
    const asked = kind.ask(scene, draws);
    const conclusion = asked === null ? null : kind.conclude(asked.facts, asked.question);
    if (asked === null || conclusion === null) continue;
    const itsClass = kind.classOf?.(asked, conclusion.answer) ?? conclusion.answer;
    if (wanted !== null && itsClass !== wanted && attempt < classAttempts) continue;
    return {
      kind,
      scene,
      question: asked.question,
      facts: asked.facts,
      conclusion: conclusion.text,
      answer: conclusion.answer,
    };
  }
  throw new Error(`No scene of ${grid.rows} × ${grid.columns} cells admits a question of kind "${kind.name}"`);
}

/** "<think> facts ; conclusion </think> \boxed{ answer }": the response of one who reasons. */
export const reasonedResponse = ({
  facts,
  conclusion,
  answer,
}: Pick<Item, "facts" | "conclusion" | "answer">): string =>
  `<think> ${facts.join(" , ")} ; ${conclusion} </think> \\boxed{ ${answer} }`;

/** "<think> </think> \boxed{ answer }": the response of one who does not. */
export const directResponse = (item: Pick<Item, "answer">): string => `<think> </think> \\boxed{ ${item.answer} }`;

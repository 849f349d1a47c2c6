/**
 * What an answer can be guessed from without looking: priors that a model may lean on, each right for a known share of
 * the questions.
 */
import type { Draws } from "../shapes/draws.ts";
import { directResponse, type Item } from "../shapes/questions.ts";
import { lyingFacts } from "./lying-facts.ts";
import { presupposition } from "./presupposition.ts";

/** An item as it is asked under a prior. */
export interface Guided {
  readonly item: Item;
  /** What the row asks: the prior's words, if it has some, before the question. */
  readonly prompt: string;
  /** The answer that the prior leads to. */
  readonly suggested: string;
  /** What a model says that leans on the prior and does not look. */
  readonly leaning: string;
}

/**
 * @param right whether the prior leads to the right answer
 * @param draw another item of the same kind of question and split
 * @returns null where the prior cannot be so for this item
 */
export type Prior = (item: Item, right: boolean, draws: Draws, draw: () => Item) => Guided | null;

/**
 * "? 3 ; how many cross ?": an answer stands before the question, a wrong one being the answer to another question of
 * its kind.
 */
const suggestion: Prior = (item, right, _draws, draw) => {
  const suggested = right ? item.answer : draw().answer;
  if (!right && suggested === item.answer) return null;
  return {
    item,
    prompt: `? ${suggested} ; ${item.question}`,
    suggested,
    leaning: directResponse({ answer: suggested }),
  };
};

/** The answer that each kind of question has more often than any other. */
export const favoured: Readonly<Record<string, string>> = {
  at: "red circle",
  count_colour: "2",
  count_shape: "1",
  relation: "blue square",
  sum_of_counts: "4",
  compare_counts: "same",
  digit_sum: "9",
  digit_range: "1",
};

/** Nothing stands before the question: the kind of question says which answer is likely. */
const skew: Prior = (item, right) => {
  const suggested = favoured[item.kind.name];
  if (suggested === undefined || (item.answer === suggested) !== right) return null;
  return { item, prompt: item.question, suggested, leaning: directResponse({ answer: suggested }) };
};

/**
 * "red 2 , circle 3 ; how many red plus circle ?": what is to be seen in the picture is said before the question, and
 * may be a lie.
 */
const caption: Prior = (item, right, draws) => {
  const said = right ? { facts: item.facts, text: item.conclusion, answer: item.answer } : lyingFacts(item, draws);
  if (said === null) return null;
  const words = said.facts.join(" , ");
  return {
    item,
    prompt: `${words} ; ${item.question}`,
    suggested: said.answer,
    leaning: `<think> ${words} ; ${said.text} </think> \\boxed{ ${said.answer} }`,
  };
};

export const priors = { suggestion, skew, caption, presupposition } as const satisfies Record<string, Prior>;

export type PriorName = keyof typeof priors;

export const priorNames = Object.keys(priors) as PriorName[];

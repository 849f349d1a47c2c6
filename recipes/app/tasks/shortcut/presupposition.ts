/** Questions with a presupposition, which may be false (Active Deduction, arXiv:2404.12966). */
import { cellName, looksOf, objectAt, type Grid } from "../shapes/scene.ts";
import { directResponse } from "../shapes/questions.ts";
import type { Prior } from "./priors.ts";

/** What is answered where a presupposition is false. */
export const denial = "none";

/**
 * "red circle at a1 ; how many cross ?": something is taken for granted of a place before the question is asked, true
 * of it or not. Who is fooled answers the question all the same. Who deduces says first what is at the place; then
 * what the question needs, or that there is no such thing: "<think> a1 blue square ; none </think> \boxed{ none }".
 */
export const presupposition: Prior = (item, right, draws) => {
  const { scene, question, answer } = item;
  const object = draws.pick(scene.objects);
  const cell = right ? object.cell : draws.pick(cellsOf(scene.grid));
  const found = objectAt(scene, cell);
  const there = found === null ? denial : looksOf(found);
  if (!right && there === looksOf(object)) return null;
  const seen = `${cell} ${there}`;
  const deduced = right ? { facts: [seen, ...item.facts] } : { facts: [seen], conclusion: denial, answer: denial };
  const prompt = `${looksOf(object)} at ${cell} ; ${question}`;
  return { item: { ...item, ...deduced }, prompt, suggested: answer, leaning: directResponse({ answer }) };
};

function cellsOf({ rows, columns }: Grid): string[] {
  return Array.from({ length: rows * columns }, (_, place) => cellName(Math.floor(place / columns), place % columns));
}

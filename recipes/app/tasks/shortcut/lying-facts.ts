/** Facts about a scene that are not true, and from which another answer follows. */
import type { Draws } from "../shapes/draws.ts";
import { isColour, isDigit, isSymbol, colours, shapes } from "../shapes/scene.ts";
import type { Item } from "../shapes/questions.ts";

export interface Lie {
  readonly facts: readonly string[];
  /** What follows from them, as a question kind concludes it. */
  readonly text: string;
  readonly answer: string;
}

const digitWords = ["1", "2", "3", "4", "5", "6"];
const countWords = ["0", "1", "2", "3", "4"];
const attempts = 200;

/**
 * The item's facts with a word changed, an entry left out or one too many, until another answer follows. Null where
 * none was found: every change leaves the answer or breaks the form.
 */
export function lyingFacts(
  { kind, facts, question, answer }: Pick<Item, "kind" | "facts" | "question" | "answer">,
  draws: Draws,
): Lie | null {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const changed = changedFacts(facts, question, draws);
    const conclusion = kind.conclude(changed, question);
    if (conclusion !== null && conclusion.answer !== answer) return { facts: changed, ...conclusion };
  }
  return null;
}

function changedFacts(facts: readonly string[], question: string, draws: Draws): readonly string[] {
  if (facts.length === 1 && facts[0] === "none") return [listed(question, draws)];
  const at = draws.integer(0, facts.length - 1);
  switch (draws.pick(["word", "word", "less", "more"])) {
    case "less": {
      const left = facts.filter((_, index) => index !== at);
      return left.length > 0 ? left : ["none"];
    }
    case "more":
      return facts.toSpliced(at, 0, draws.pick(facts));
    default:
      return facts.with(at, changedWord(facts[at]!, draws));
  }
}

/** An object of the colour or shape that "how many red ?" asks for. */
function listed(question: string, draws: Draws): string {
  const wanted = question.split(" ")[2] ?? "";
  return isColour(wanted) ? `${wanted} ${draws.pick(shapes)}` : `${draws.pick(colours)} ${wanted}`;
}

/** A colour, shape or number of the fact becomes another of its sort; what a fact is about, its cell, stays. */
function changedWord(fact: string, draws: Draws): string {
  const words = fact.split(" ");
  const places = words.flatMap((word, place) =>
    isColour(word) || isSymbol(word) || countWords.includes(word) ? [place] : [],
  );
  if (places.length === 0) return fact;
  const place = draws.pick(places);
  return words.with(place, draws.pick(sortOf(words, place).filter((other) => other !== words[place]))).join(" ");
}

/** "red 2" counts, "red circle 2" cannot: of two words after a colour or shape the second is a number of things. */
function sortOf(words: readonly string[], place: number): readonly string[] {
  const word = words[place]!;
  if (isColour(word)) return colours;
  if ((shapes as readonly string[]).includes(word)) return shapes;
  const counts = words.length === 2 && place === 1 && !isDigit(words[0]!);
  return counts ? countWords : digitWords;
}

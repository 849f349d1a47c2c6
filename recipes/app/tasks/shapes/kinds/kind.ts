/** What a kind of question is: how it is asked, what must be seen for it, and how the answer follows from that. */
import type { Draws } from "../draws.ts";
import type { Scene } from "../scene.ts";

/**
 * "free" ones can be answered without the picture; "easy" ones open the supervised curriculum; "hard" ones are off by
 * default.
 */
export type Level = "free" | "easy" | "medium" | "hard";

/** A question about one scene with what must be seen to answer it. */
export interface Asked {
  /** Words separated by single spaces. */
  readonly question: string;
  /** True statements, each of which the answer depends on. */
  readonly facts: readonly string[];
}

export interface Conclusion {
  /** The reasoning from the facts to the answer; ends with the answer. */
  readonly text: string;
  readonly answer: string;
}

export interface QuestionKind {
  readonly name: string;
  readonly level: Level;
  /**
   * True when the facts are a whole list (all digits, everything red): an entry too many or too few is a false
   * statement. False when each fact is a sentence of its own, true or not by itself.
   */
  readonly wholeList: boolean;
  /** Smallest and largest number of digits a scene must have, or null for any. */
  readonly digits: readonly [number, number] | null;
  /**
   * Answer classes, each as likely as the next (repeat one to make it likelier): a class is drawn first, then a scene
   * and a question of that class, so that no answer can be guessed. Null: as they come.
   */
  readonly classes: readonly string[] | null;
  /** A question about the scene, or null when it has none of this kind. */
  ask(scene: Scene, draws: Draws): Asked | null;
  /** The class of a question, where `classes` are given; default: its answer. */
  classOf?(asked: Asked, answer: string): string;
  /** The answer that follows from stated facts, true or not, or null when none follows. */
  conclude(facts: readonly string[], question: string): Conclusion | null;
}

/** A whole number from 0, or null. */
export const readNumber = (word: string | undefined): number | null =>
  word !== undefined && /^\d{1,2}$/.test(word) ? Number(word) : null;

/** The last word of every fact as a number, or null when one is not. */
export function readNumbers(facts: readonly string[]): number[] | null {
  const numbers = facts.map((fact) => readNumber(fact.split(" ").at(-1)));
  return numbers.every((number) => number !== null) ? numbers : null;
}

/** 3, 5, 2 → "3 + 5 = 8 , 8 + 2 = 10"; a single number → itself. */
export function addUp(numbers: readonly number[]): Conclusion {
  let total = numbers[0] ?? 0;
  const lines: string[] = [];
  for (const next of numbers.slice(1)) {
    lines.push(`${total} + ${next} = ${total + next}`);
    total += next;
  }
  return { text: lines.join(" , ") || String(total), answer: String(total) };
}

/** The larger minus the smaller: "6 - 2 = 4". */
export function subtract(a: number, b: number): Conclusion {
  const difference = Math.abs(a - b);
  return { text: `${Math.max(a, b)} - ${Math.min(a, b)} = ${difference}`, answer: String(difference) };
}

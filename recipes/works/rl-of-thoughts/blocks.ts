/**
 * The blocks of RL of Thoughts (arXiv:2505.14140) on questions about drawn scenes: what is said to the model in each.
 */

/** What may come next: the answer stands, one step of reasoning, or the question in parts. */
export const blocks = ["terminate", "reason", "decompose"] as const;
export type Block = (typeof blocks)[number];

/** Asks for the reasoning that an answer was given without. */
export const reason = "more ?";

/** "how many red plus circle ?" → "how many red ?", "how many circle ?"; null for a question without parts. */
export function partsOf(question: string): readonly [string, string] | null {
  const [, first, second] = /^(?:how many|more) (\w+) (?:plus|or) (\w+) \?$/.exec(question) ?? [];
  return first === undefined || second === undefined ? null : [`how many ${first} ?`, `how many ${second} ?`];
}

/** The question again, after the answers to its parts: "red 2 , circle 3 ; how many red plus circle ?". */
export function wholeOf(question: string, answers: readonly [string, string]): string {
  const [first, second] = partsOf(question)!.map((part) => part.split(" ")[2]!);
  return `${first} ${answers[0]} , ${second} ${answers[1]} ; ${question}`;
}

/** What stands in the box of a turn; "none" where nothing does, or more than three words: a reply has to hold two. */
export const boxed = (text: string): string => /\\boxed\{ (\S+(?: \S+){0,2}) \}$/.exec(text)?.[1] ?? "none";

/** What is said first in a block. */
export const beginning = (block: Exclude<Block, "terminate">, question: string): string =>
  block === "reason" ? reason : partsOf(question)![0];

/**
 * What is said next in the block that is on, null where it is over.
 * @param said by the blocks so far
 * @param answers of the model so far, one more than there are words of blocks
 */
export function continuation(question: string, said: readonly string[], answers: readonly string[]): string | null {
  const [first, second] = partsOf(question) ?? [];
  if (second === undefined) return null;
  if (said.at(-1) === first) return second;
  return said.at(-1) === second ? wholeOf(question, [answers.at(-2)!, answers.at(-1)!]) : null;
}

/** Whether a response gives the expected answer. */
import { clean, plainText } from "./notation/clean.ts";
import { sameAnswer } from "./compare/compare.ts";
import { extractAnswer, extractGold } from "./response/extract.ts";
import { UnreadableError, type Node } from "./notation/node.ts";
import { parseAnswer, type Reading } from "./notation/parser.ts";

/**
 * "right" and "wrong" are verdicts on an answer; "no answer": the response gives none; "unreadable": it gives one that is no notation known here, and
 * not the expected one letter by letter.
 */
export type Outcome = "right" | "wrong" | "no answer" | "unreadable";

export interface Verdict {
  readonly outcome: Outcome;
  /** The answers' own texts; null where none was found. */
  readonly expected: string | null;
  readonly found: string | null;
}

/** @param gold the expected answer, as datasets give it: LaTeX or plain, bare, in dollar signs, or a solution with a box */
export function verifyAnswer(gold: string, response: string): Verdict {
  const [expected, found] = [extractGold(gold), extractAnswer(response)];
  if (expected === null) return { outcome: "unreadable", expected, found };
  if (found === null) return { outcome: "no answer", expected, found };
  return { outcome: judge(expected, found), expected, found };
}

/** Whether a gold answer can be read as notation; one that is words is compared as words. */
export function isReadable(gold: string): boolean {
  const text = extractGold(gold);
  return text !== null && readingsOf(clean(text)).length > 0;
}

/** Within the parser's bounds nothing should run over; should it all the same, that is no verdict on the answer. */
function judge(expected: string, found: string): Outcome {
  try {
    return compared(expected, found);
  } catch (error) {
    if (error instanceof RangeError) return "unreadable";
    throw error;
  }
}

function compared(expected: string, found: string): Outcome {
  const [own, other] = [clean(expected), clean(found)];
  if (own.replace(/\s+/g, "") === other.replace(/\s+/g, "") && own !== "") return "right";
  const choice = choiceOf(own);
  if (choice !== null && choiceOf(other) === choice) return "right";
  const [wanted, given] = [readingsOf(own), readingsOf(other)];
  if (wanted.some((a) => given.some((b) => sameAnswer(a, b)))) return "right";
  if (plainText(own) !== "" && plainText(own) === plainText(other) && (wanted.length === 0 || given.length === 0)) return "right";
  return given.length === 0 ? "unreadable" : "wrong";
}

/** The letter of a multiple-choice answer: C, (C), \text{C}, "C. 12 cm"; null for anything else. */
function choiceOf(text: string): string | null {
  const bare = text.replace(/\\(?:text(?:bf|it|rm|normal)?|mathrm|mathbf|mbox)\s*\{([^{}]*)\}/g, "$1").trim();
  const found = /^\(?([A-J])\)?(?:[.:)]?$|[.:)]\s|\)\s)/.exec(bare);
  return found?.[1] ?? null;
}

const plain: Reading = { sign: 1, thousands: false, decimalComma: false };

/** The ways to read a text; none when it is no notation. */
function readingsOf(text: string): Node[] {
  const readings: Reading[] = [plain];
  if (/\d[, ]\d{3}(?!\d)/.test(text)) readings.push({ ...plain, thousands: true });
  if (/\d,\d/.test(text)) readings.push({ ...plain, decimalComma: true });
  return readings.flatMap((reading) => {
    try {
      return [read(text, reading)];
    } catch (error) {
      if (error instanceof UnreadableError) return [];
      throw error;
    }
  });
}

/** Both signs of a ± are answers. */
function read(text: string, reading: Reading): Node {
  const { node, plusMinus } = parseAnswer(text, reading);
  if (!plusMinus) return node;
  const other = parseAnswer(text, { ...reading, sign: -1 }).node;
  if (node.kind === "set" && other.kind === "set") return { kind: "set", items: [...node.items, ...other.items] };
  if (node.kind === "list" && other.kind === "list") return { kind: "list", items: [...node.items, ...other.items] };
  return { kind: "list", items: [node, other] };
}

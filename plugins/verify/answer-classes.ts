/** Which of many answers are the same: what a majority is counted over. */
import { sameAnswer } from "./compare/compare.ts";
import { valuesAtPoints } from "./compare/expressions.ts";
import { plainCharacters } from "./notation/characters.ts";
import { clean, plainText } from "./notation/clean.ts";
import type { Node } from "./notation/node.ts";
import { readingsOf } from "./notation/readings.ts";
import { scaleOf } from "./values/units.ts";

interface AnswerClass {
  readonly name: string;
  readonly readings: readonly Node[];
}

/** Classes of one key that an answer is compared with: those of one key nearly always are one. */
const mostCompared = 8;

/**
 * For each answer the class that it is in, named by the class's first answer as it stands: 1/2, 0.5 and \frac{1}{2} are
 * one. Each answer is compared, as the verifier does, with the first of those that its value or its words point to, so
 * that the work grows with the number of different texts and not with its square.
 */
export function answerClasses(answers: readonly string[]): string[] {
  const byText = new Map<string, AnswerClass>();
  const byKey = new Map<string, AnswerClass[]>();
  return answers.map((answer) => {
    const text = clean(plainCharacters(answer));
    const known = byText.get(text);
    if (known !== undefined) return known.name;
    const own: AnswerClass = { name: answer, readings: readable(text) };
    const keys =
      own.readings.length === 0 ? [`words ${plainText(text) || text}`] : [...new Set(own.readings.flatMap(keysOf))];
    const candidates = new Set(keys.flatMap((key) => byKey.get(key) ?? []).slice(0, mostCompared));
    const found = [...candidates].find((one) => isSame(one, own)) ?? own;
    byText.set(text, found);
    if (found === own) for (const key of keys) byKey.set(key, [...(byKey.get(key) ?? []), own]);
    return found.name;
  });
}

/** What runs over is compared by its words. */
function readable(text: string): readonly Node[] {
  try {
    return readingsOf(text);
  } catch (error) {
    if (error instanceof RangeError) return [];
    throw error;
  }
}

const isSame = (a: AnswerClass, b: AnswerClass): boolean =>
  a.readings.length === 0 ? b.readings.length === 0 : a.readings.some((x) => b.readings.some((y) => sameAnswer(x, y)));

/**
 * What answers that are the same have in common, nearly always: their value to 6 digits, without name and unit, and in
 * base units.
 */
function keysOf(node: Node): string[] {
  const values = valuesAtPoints(bare(node));
  if (values === null) return [keyOf(node)];
  const scale = node.kind === "quantity" ? scaleOf(node.unit) : null;
  return [...roundedBothWays(values), ...(scale === null ? [] : roundedBothWays(values.map((v) => v * scale.factor)))];
}

/** To 6 digits, from both sides of a place where rounding changes. */
const roundedBothWays = (values: readonly number[]): string[] =>
  [1 - 2e-7, 1 + 2e-7].map((factor) => values.map((value) => (value * factor).toPrecision(6)).join(" "));

function keyOf(node: Node): string {
  const own = bare(node);
  const values = valuesAtPoints(own);
  if (values !== null) return values.map((value) => value.toPrecision(6)).join(" ");
  switch (own.kind) {
    case "set":
    case "list":
      return [...new Set(own.items.map(keyOf))].sort().join(", ");
    case "tuple":
      return `(${own.items.map(keyOf).join(", ")})`;
    case "text":
      return `words ${own.text}`;
    default:
      return own.kind;
  }
}

/** x = 5, 5 cm and 5 % are about 5. */
function bare(node: Node): Node {
  if (node.kind === "quantity" || node.kind === "percent") return bare(node.value);
  if (node.kind === "relation" && node.operators.every((operator) => operator === "=")) return bare(node.items.at(-1)!);
  return node;
}

/** Questions that count objects of a colour or with a shape. */
import type { Draws } from "../draws.ts";
import { colours, isColour, looksOf, objectsWith, shapes, type Scene } from "../scene.ts";
import { addUp, readNumber, readNumbers, subtract, type Conclusion, type QuestionKind } from "./kind.ts";

const pickColour = (scene: Scene, draws: Draws): string =>
  draws.uniform() < 0.85 ? draws.pick(scene.objects).colour : draws.pick(colours);

function pickShape(scene: Scene, draws: Draws): string {
  const present = scene.objects
    .map((object) => object.symbol)
    .filter((symbol) => (shapes as readonly string[]).includes(symbol));
  return draws.uniform() < 0.85 && present.length > 0 ? draws.pick(present) : draws.pick(shapes);
}

/** "how many red ?" → "red circle , red 3 ; 2". Every object named is one counted. */
const count = (name: string, pickAttribute: (scene: Scene, draws: Draws) => string): QuestionKind => ({
  name,
  level: "easy",
  wholeList: true,
  digits: null,
  classes: ["0", "1", "2", "3", "4"],
  ask(scene, draws) {
    const attribute = pickAttribute(scene, draws);
    const counted = objectsWith(scene, attribute).map(looksOf);
    return { question: `how many ${attribute} ?`, facts: counted.length > 0 ? counted : ["none"] };
  },
  conclude(facts, question) {
    if (facts.length === 1 && facts[0] === "none") return { text: "0", answer: "0" };
    const attribute = question.split(" ")[2] ?? "";
    if (facts.length === 0 || !facts.every((fact) => fact.split(" ").includes(attribute))) return null;
    return { text: String(facts.length), answer: String(facts.length) };
  },
});

export const countColour = count("count_colour", pickColour);
export const countShape = count("count_shape", pickShape);

const countFact = (scene: Scene, attribute: string): string => `${attribute} ${objectsWith(scene, attribute).length}`;

/** "how many red plus circle ?" → "red 2 , circle 3 ; 2 + 3 = 5". An object that is both counts twice. */
export const sumOfCounts: QuestionKind = {
  name: "sum_of_counts",
  level: "medium",
  wholeList: false,
  digits: null,
  classes: ["1", "2", "3", "4", "5", "6"],
  ask(scene, draws) {
    const colour = pickColour(scene, draws);
    const shape = pickShape(scene, draws);
    return {
      question: `how many ${colour} plus ${shape} ?`,
      facts: [countFact(scene, colour), countFact(scene, shape)],
    };
  },
  conclude(facts) {
    const numbers = readNumbers(facts);
    return numbers?.length === 2 ? addUp(numbers) : null;
  },
};

function twoColours(scene: Scene, draws: Draws): [string, string] {
  const first = pickColour(scene, draws);
  const others = scene.objects.map((object) => object.colour).filter((colour) => colour !== first);
  const second =
    draws.uniform() < 0.85 && others.length > 0
      ? draws.pick(others)
      : draws.pick(colours.filter((colour) => colour !== first));
  return draws.uniform() < 0.5 ? [first, second] : [second, first];
}

/** "more red or blue ?" → "red 2 , blue 1 ; red"; "same" when equal. */
export const compareCounts: QuestionKind = {
  name: "compare_counts",
  level: "medium",
  wholeList: false,
  digits: null,
  classes: ["more", "more", "same"],
  ask(scene, draws) {
    const [first, second] = twoColours(scene, draws);
    return { question: `more ${first} or ${second} ?`, facts: [countFact(scene, first), countFact(scene, second)] };
  },
  classOf: (_asked, answer) => (answer === "same" ? "same" : "more"),
  conclude(facts): Conclusion | null {
    const [first, second] = facts.map((fact) => fact.split(" "));
    const [a, b] = [readNumber(first?.[1]), readNumber(second?.[1])];
    const [left, right] = [first?.[0] ?? "", second?.[0] ?? ""];
    if (facts.length !== 2 || a === null || b === null || !isColour(left) || !isColour(right)) return null;
    const answer = a === b ? "same" : a > b ? left : right;
    return { text: answer, answer };
  },
};

/** "difference of red and blue ?" → "red 3 , blue 1 ; 3 - 1 = 2". */
export const differenceOfCounts: QuestionKind = {
  name: "difference_of_counts",
  level: "hard",
  wholeList: false,
  digits: null,
  classes: ["0", "1", "2", "3"],
  ask(scene, draws) {
    const [first, second] = twoColours(scene, draws);
    return {
      question: `difference of ${first} and ${second} ?`,
      facts: [countFact(scene, first), countFact(scene, second)],
    };
  },
  conclude(facts) {
    const [a, b, ...rest] = readNumbers(facts) ?? [];
    return a === undefined || b === undefined || rest.length > 0 ? null : subtract(a, b);
  },
};

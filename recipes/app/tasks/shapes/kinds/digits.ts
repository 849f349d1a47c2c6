/** Questions about the digits in a picture. */
import { isColour, isDigit, type Scene } from "../scene.ts";
import { addUp, readNumber, readNumbers, subtract, type Conclusion, type QuestionKind } from "./kind.ts";

const digitsOf = (scene: Scene) => scene.objects.filter((object) => isDigit(object.symbol));

function concludeSum(facts: readonly string[]): Conclusion | null {
  const numbers = readNumbers(facts);
  return numbers === null || numbers.length === 0 ? null : addUp(numbers);
}

/** "sum of digits ?" → "3 , 5 , 2 ; 3 + 5 = 8 , 8 + 2 = 10". */
export const digitSum: QuestionKind = {
  name: "digit_sum",
  level: "medium",
  wholeList: true,
  digits: [2, 3],
  classes: null,
  ask: (scene) => ({ question: "sum of digits ?", facts: digitsOf(scene).map((object) => object.symbol) }),
  conclude: concludeSum,
};

/** "largest minus smallest digit ?" → "2 , 6 ; 6 - 2 = 4". Two digits, so that the answer depends on both. */
export const digitRange: QuestionKind = {
  name: "digit_range",
  level: "medium",
  wholeList: true,
  digits: [2, 2],
  classes: ["0", "1", "2", "3", "4", "5"],
  ask: (scene) => ({
    question: "largest minus smallest digit ?",
    facts: digitsOf(scene).map((object) => object.symbol),
  }),
  conclude(facts) {
    const numbers = readNumbers(facts);
    return numbers === null || numbers.length < 2 ? null : subtract(Math.max(...numbers), Math.min(...numbers));
  },
};

/** "sum of red digits ?" → "3 , 5 ; 3 + 5 = 8"; digits of other colours are in the picture too. */
export const colourDigitSum: QuestionKind = {
  name: "colour_digit_sum",
  level: "hard",
  wholeList: true,
  digits: [2, 4],
  classes: null,
  ask(scene, draws) {
    const all = digitsOf(scene);
    const { colour } = draws.pick(all);
    const facts = all.filter((object) => object.colour === colour).map((object) => object.symbol);
    return facts.length === all.length ? null : { question: `sum of ${colour} digits ?`, facts };
  },
  conclude: concludeSum,
};

/** "what colour largest digit ?" → "largest 6 b2 , b2 red ; red". One digit is the largest. */
export const colourOfLargest: QuestionKind = {
  name: "colour_of_largest",
  level: "hard",
  wholeList: false,
  digits: [2, 3],
  classes: null,
  ask(scene) {
    const [largest, second] = digitsOf(scene).toSorted((a, b) => Number(b.symbol) - Number(a.symbol));
    if (largest === undefined || second?.symbol === largest.symbol) return null;
    return {
      question: "what colour largest digit ?",
      facts: [`largest ${largest.symbol} ${largest.cell}`, `${largest.cell} ${largest.colour}`],
    };
  },
  conclude(facts) {
    const [word, digit, cell] = (facts[0] ?? "").split(" ");
    const [otherCell, answer = ""] = (facts[1] ?? "").split(" ");
    if (
      facts.length !== 2 ||
      word !== "largest" ||
      readNumber(digit) === null ||
      cell !== otherCell ||
      !isColour(answer)
    )
      return null;
    return { text: answer, answer };
  },
};

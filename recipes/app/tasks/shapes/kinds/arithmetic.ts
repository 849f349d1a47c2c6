/** Questions whose answer is not in the picture: the part that can be answered without looking. */
import { addUp, readNumbers, subtract, type QuestionKind } from "./kind.ts";

/** "what is 3 plus 4 ?" → "3 , 4 ; 3 + 4 = 7". Its facts are those of the question. */
export const arithmetic: QuestionKind = {
  name: "arithmetic",
  level: "free",
  wholeList: true,
  digits: null,
  classes: null,
  ask(_scene, draws) {
    const [a, b] = [draws.integer(1, 9), draws.integer(1, 9)];
    if (draws.uniform() < 0.5) return { question: `what is ${a} plus ${b} ?`, facts: [String(a), String(b)] };
    const [larger, smaller] = [Math.max(a, b), Math.min(a, b)];
    return { question: `what is ${larger} minus ${smaller} ?`, facts: [String(larger), String(smaller)] };
  },
  conclude(facts, question) {
    const [a, b, ...rest] = readNumbers(facts) ?? [];
    if (a === undefined || b === undefined || rest.length > 0) return null;
    return question.includes("plus") ? addUp([a, b]) : subtract(a, b);
  },
};

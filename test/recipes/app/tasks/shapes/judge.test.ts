import { expect, test } from "vitest";
import { createRandom } from "../../../../../core/math/random.ts";
import type { Row } from "../../../../../core/contracts/step/row.ts";
import type { Scorable } from "../../../../../core/contracts/registered/scorer.ts";
import { drawsOf } from "../../../../../recipes/app/tasks/shapes/draws.ts";
import { makeExample, sharedSprites } from "../../../../../recipes/app/tasks/shapes/examples.ts";
import {
  judge,
  judgeRow,
  parseResponse,
  shapesScorers,
  verdictOf,
} from "../../../../../recipes/app/tasks/shapes/judge.ts";
import { directResponse, questionKinds, reasonedResponse } from "../../../../../recipes/app/tasks/shapes/questions.ts";
import { defaultGrid, type Scene } from "../../../../../recipes/app/tasks/shapes/scene.ts";
import type { Truth } from "../../../../../recipes/app/tasks/shapes/truth.ts";
import { vocabulary } from "../../../../../recipes/app/tasks/shapes/vocabulary.ts";

const scene: Scene = {
  grid: defaultGrid,
  objects: [
    { cell: "a1", colour: "red", symbol: "circle" },
    { cell: "a2", colour: "blue", symbol: "circle" },
    { cell: "b2", colour: "red", symbol: "3" },
    { cell: "c3", colour: "green", symbol: "5" },
  ],
};
const counting: Truth = { kind: "count_colour", scene, facts: ["red circle", "red 3"], answer: "2" };
const adding: Truth = { kind: "sum_of_counts", scene, facts: ["red 2", "circle 2"], answer: "4" };
const beside: Truth = { kind: "relation", scene, facts: ["red circle a1", "a2 blue circle"], answer: "blue circle" };
const summing: Truth = { kind: "digit_sum", scene, facts: ["3", "5"], answer: "8" };
const verdict = (text: string, truth: Truth): string => verdictOf(judge(text, truth));

test("right answers, reasoned and direct", () => {
  expect(verdict("<think> red circle , red 3 ; 2 </think> \\boxed{ 2 }", counting)).toBe("correct");
  expect(verdict("<think> red 3 , red circle ; 2 </think> \\boxed{ 2 } <|im_end|>", counting)).toBe("correct");
  expect(verdict("<think> circle 2 , red 2 ; 2 + 2 = 4 </think> \\boxed{ 4 }", adding)).toBe("correct");
  expect(verdict("<think> 5 , 3 ; 5 + 3 = 8 </think> \\boxed{ 8 }", summing)).toBe("correct");
  expect(judge("<think> </think> \\boxed{ 2 }", counting)).toMatchObject({
    correct: true,
    direct: true,
    falseFacts: false,
    statedFacts: [],
    missingFacts: [],
  });
});

test("a right answer from false facts is right, and marked", () => {
  expect(judge("<think> red circle , red square ; 2 </think> \\boxed{ 2 }", counting)).toMatchObject({
    correct: true,
    errorClass: null,
    falseFacts: true,
    statedFacts: ["red circle", "red square"],
    untrueFacts: ["red square"],
    missingFacts: ["red 3"],
  });
  expect(verdict("<think> red 3 ; 2 </think> \\boxed{ 2 }", counting)).toBe("correct, false facts");
  expect(verdict("<think> red 3 , circle 1 ; 3 + 1 = 4 </think> \\boxed{ 4 }", adding)).toBe("correct, false facts");
  expect(verdict("<think> red circle b2 , a2 blue circle ; blue circle </think> \\boxed{ blue circle }", beside)).toBe(
    "correct, false facts",
  );
  expect(verdict("<think> 4 , 4 ; 4 + 4 = 8 </think> \\boxed{ 8 }", summing)).toBe("correct, false facts");
});

test("perception: a stated fact is false, or a list is not whole", () => {
  expect(verdict("<think> red circle , red 3 , red 3 ; 3 </think> \\boxed{ 3 }", counting)).toBe("perception");
  expect(verdict("<think> red 3 ; 1 </think> \\boxed{ 1 }", counting)).toBe("perception");
  expect(verdict("<think> red circle , red 3 , green 5 ; 3 </think> \\boxed{ 3 }", counting)).toBe("perception");
  expect(verdict("<think> none ; 0 </think> \\boxed{ 0 }", counting)).toBe("perception");
  expect(verdict("<think> red circle a1 , a2 red circle ; red circle </think> \\boxed{ red circle }", beside)).toBe(
    "perception",
  );
  expect(verdict("<think> red 2 , circle 3 ; 2 + 3 = 9 </think> \\boxed{ 9 }", adding)).toBe("perception");
});

test("reasoning: the facts are true and the conclusion is wrong", () => {
  expect(verdict("<think> red circle , red 3 ; 3 </think> \\boxed{ 3 }", counting)).toBe("reasoning");
  expect(verdict("<think> red 2 , circle 2 ; 2 + 2 = 5 </think> \\boxed{ 5 }", adding)).toBe("reasoning");
  expect(verdict("<think> 3 , 5 ; 3 + 5 = 7 </think> \\boxed{ 7 }", summing)).toBe("reasoning");
  expect(judge("<think> red circle a1 , c3 green 5 ; green 5 </think> \\boxed{ green 5 }", beside)).toMatchObject({
    errorClass: "reasoning",
    untrueFacts: [],
    missingFacts: ["a2 blue circle"],
  });
});

test("inconsistency: the box holds another answer than the reasoning", () => {
  expect(verdict("<think> red circle , red 3 ; 2 </think> \\boxed{ 3 }", counting)).toBe("inconsistency");
  expect(verdict("<think> red circle , red 3 , red 3 ; 3 </think> \\boxed{ 4 }", counting)).toBe("inconsistency");
  expect(judge("<think> red circle , red 3 ; 3 </think> \\boxed{ 2 }", counting)).toMatchObject({
    correct: true,
    reasoned: "3",
    answer: "2",
  });
});

test("direct: wrong without a word of reasoning", () => {
  expect(judge("<think> </think> \\boxed{ 3 }", counting)).toMatchObject({
    correct: false,
    errorClass: "direct",
    direct: true,
  });
});

test.each([
  "",
  " ",
  "2",
  "\\boxed{ 2 }",
  "<think> red circle , red 3 ; 2 </think> 2",
  "<think> red circle , red 3 2 </think> \\boxed{ 2 }",
  "<think> red circle ; red 3 ; 2 </think> \\boxed{ 2 }",
  "<think> red circle , , red 3 ; 2 </think> \\boxed{ 2 }",
  "<think> ; 2 </think> \\boxed{ 2 }",
  "<think> red circle , red 3 ; </think> \\boxed{ 2 }",
  "<think> red circle , red 3 ; 2 </think> \\boxed{ }",
  "<think> red circle , red 3 ; 2 </think> \\boxed{ 2 } \\boxed{ 2 }",
  "<think> red circle , red 3 ; 2 </think> \\boxed{ 2 } 2",
  "<think> <think> red circle , red 3 ; 2 </think> \\boxed{ 2 }",
  "<think> red circle , red 3 ; 2 </think> \\boxed{ 2 <|image_pad|> }",
  "<|im_end|> <think> </think> \\boxed{ 2 }",
])("format: %j", (text) => {
  expect(parseResponse(text)).toBeNull();
  expect(verdict(text, counting)).toBe("format");
});

test("what the task itself writes is correct, for every kind", async () => {
  const sprites = await sharedSprites();
  for (const { name } of questionKinds) {
    for (let index = 0; index < 30; index++) {
      const { row, item } = makeExample(index, { seed: 5, split: "test", kinds: [name], freeShare: 0 }, sprites);
      expect(verdictOf(judgeRow(reasonedResponse(item), row)), reasonedResponse(item)).toBe("correct");
      expect(judgeRow(directResponse(item), row)).toMatchObject({ correct: true, direct: true });
    }
  }
});

test("any sequence of words gets a verdict, and none is right by chance", () => {
  const draws = drawsOf(createRandom(6));
  for (let round = 0; round < 20_000; round++) {
    const truth = draws.pick([counting, adding, beside, summing]);
    const words = Array.from({ length: draws.integer(0, 14) }, () => draws.pick(vocabulary));
    const text = round % 2 === 0 ? words.join(" ") : `<think> ${words.join(" ")} ; 99 </think> \\boxed{ 99 }`;
    const judgement = judge(text, truth);
    expect(judgement.correct).toBe(false);
    expect(judgement.errorClass).not.toBeNull();
  }
  expect(judge("\u0000\uD800 <think>".repeat(5000), counting).errorClass).toBe("format");
});

test("a row of another dataset is refused by name", () => {
  const row: Row = { id: "r7", prompt: "", system: null, images: [], answer: "2", fields: { kind: "at" } };
  expect(() => judgeRow("", row)).toThrow(/Row "r7" is not of the shapes task/);
});

test("the scorers weigh accuracy 0.9 and format 0.1, with the verdict as note", async () => {
  const { row } = makeExample(0, { seed: 5, split: "train" }, await sharedSprites());
  const scored = (text: string): unknown[] =>
    shapesScorers().map((scorer) =>
      scorer.score(
        {
          prompt: { row },
          response: { text, segments: [{ source: "policy", tokens: new Int32Array(), text }] },
        } as unknown as Scorable,
        new AbortController().signal,
      ),
    );
  expect(shapesScorers().map(({ name, weight }) => [name, weight])).toEqual([
    ["accuracy", 0.9],
    ["format", 0.1],
  ]);
  expect(scored(`<think> </think> \\boxed{ ${row.answer} }`)).toEqual([{ value: 1, note: "correct" }, 1]);
  expect(scored("<think> </think> \\boxed{ x }")).toEqual([{ value: 0, note: "direct" }, 1]);
  expect(scored(row.answer)).toEqual([{ value: 0, note: "format" }, 0]);
});

import { describe, expect, test } from "vitest";
import { createRandom } from "../../../../../core/math/random.ts";
import { drawsOf } from "../../../../../recipes/app/tasks/shapes/draws.ts";
import { checkFacts, holds } from "../../../../../recipes/app/tasks/shapes/facts.ts";
import {
  defaultKinds,
  hardKinds,
  kindOf,
  questionKinds,
  reasonedResponse,
  sampleItem,
  type Item,
} from "../../../../../recipes/app/tasks/shapes/questions.ts";
import {
  defaultGrid,
  isColour,
  mixedGrids,
  type Scene,
  type SceneObject,
} from "../../../../../recipes/app/tasks/shapes/scene.ts";
import { vocabulary } from "../../../../../recipes/app/tasks/shapes/vocabulary.ts";

const items = (name: string, count: number, grid = defaultGrid): Item[] =>
  Array.from({ length: count }, (_, index) =>
    sampleItem(drawsOf(createRandom(4).key(name, index)), { split: "train", kind: kindOf(name), grid }),
  );

const matching = (scene: Scene, word = ""): number =>
  scene.objects.filter(({ colour, symbol }) => colour === word || symbol === word).length;
const digitObjects = (scene: Scene): SceneObject[] => scene.objects.filter(({ symbol }) => Number(symbol) > 0);
const values = (objects: readonly SceneObject[]): number[] => objects.map(({ symbol }) => Number(symbol));
const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

const looksAt = (scene: Scene, cell = ""): string =>
  scene.objects
    .filter((object) => object.cell === cell)
    .map(({ colour, symbol }) => `${colour} ${symbol}`)
    .join();

/** The answer worked out a second way, from the question's words and the scene alone. */
const answers: Readonly<Record<string, (scene: Scene, words: readonly string[]) => string | number>> = {
  at: (scene, [, , cell]) => looksAt(scene, cell),
  count_colour: (scene, words) => matching(scene, words[2]),
  count_shape: (scene, words) => matching(scene, words[2]),
  relation: (scene, [, direction = "", , colour, symbol]) => {
    const from = scene.objects.find((object) => object.colour === colour && object.symbol === symbol)?.cell ?? "";
    const [row, column] = { right: [0, 1], left: [0, -1], below: [1, 0], above: [-1, 0] }[direction] ?? [9, 9];
    const cell = String.fromCharCode(from.charCodeAt(0) + (row ?? 0)) + String(Number(from[1]) + (column ?? 0));
    return looksAt(scene, cell);
  },
  sum_of_counts: (scene, words) => matching(scene, words[2]) + matching(scene, words[4]),
  compare_counts: (scene, [, first = "", , second = ""]) => {
    const difference = matching(scene, first) - matching(scene, second);
    return difference === 0 ? "same" : difference > 0 ? first : second;
  },
  difference_of_counts: (scene, words) => Math.abs(matching(scene, words[2]) - matching(scene, words[4])),
  digit_sum: (scene) => sum(values(digitObjects(scene))),
  digit_range: (scene) => Math.max(...values(digitObjects(scene))) - Math.min(...values(digitObjects(scene))),
  colour_digit_sum: (scene, words) => sum(values(digitObjects(scene).filter(({ colour }) => colour === words[2]))),
  colour_of_largest: (scene) =>
    digitObjects(scene).sort((a, b) => Number(b.symbol) - Number(a.symbol))[0]?.colour ?? "",
  arithmetic: (_scene, [, , a, sign, b]) => Number(a) + (sign === "plus" ? 1 : -1) * Number(b),
};

describe.each(questionKinds.map(({ name }) => name))("%s", (name) => {
  test("the answer is right, and follows from the facts", () => {
    for (const item of items(name, 200)) {
      expect(String(answers[name]?.(item.scene, item.question.split(" "))), item.question).toBe(item.answer);
      expect(item.kind.conclude(item.facts, item.question)).toEqual({ text: item.conclusion, answer: item.answer });
      expect(item.conclusion.endsWith(item.answer)).toBe(true);
    }
  });

  test("the facts are true", () => {
    for (const { facts, scene, kind, question } of items(name, 200)) {
      expect(checkFacts(facts, facts, scene, kind.wholeList)).toEqual({ untrue: [], missing: [] });
      if (!kind.wholeList)
        expect(
          facts.filter((fact) => !holds(fact, scene)),
          question,
        ).toEqual([]);
    }
  });

  test("leaving a fact out changes the answer or leaves none", () => {
    for (const { facts, question, answer, kind } of items(name, 100)) {
      for (const left of facts) {
        const other = kind.conclude(
          facts.filter((fact) => fact !== left),
          question,
        );
        expect(other?.answer, `${question} without ${left}`).not.toBe(answer);
      }
    }
  });

  test("it can be asked on every grid, in words of the vocabulary", () => {
    for (const grid of mixedGrids) {
      for (const item of items(name, 20, grid)) {
        const unknown = `${item.question} ${reasonedResponse(item)}`
          .split(" ")
          .filter((word) => !vocabulary.includes(word));
        expect(unknown).toEqual([]);
      }
    }
  });
});

test("levels: eight kinds by default, three harder ones, one that needs no picture", () => {
  expect(defaultKinds).toHaveLength(8);
  expect(hardKinds).toHaveLength(3);
  expect(questionKinds.filter(({ level }) => level === "free").map(({ name }) => name)).toEqual(["arithmetic"]);
  expect(() => kindOf("colour")).toThrow('There is no question kind "colour"; there are at, count_colour');
});

test("holds reads statements of every form", () => {
  const scene: Scene = {
    grid: defaultGrid,
    objects: [
      { cell: "a1", colour: "red", symbol: "circle" },
      { cell: "b2", colour: "blue", symbol: "5" },
      { cell: "c3", colour: "red", symbol: "2" },
    ],
  };
  const truths = [
    "red 2",
    "circle 1",
    "purple 0",
    "a1 red",
    "b2 5",
    "a1 red circle",
    "red circle a1",
    "largest 5 b2",
    "b2 blue",
  ];
  const lies = [
    "red 1",
    "a1 blue",
    "b1 red",
    "red circle c3",
    "largest 2 c3",
    "largest 5 a1",
    "largest circle a1",
    "",
    "a1",
    "red",
    "d9 red",
    "a1 red circle blue",
  ];
  expect(truths.filter((fact) => !holds(fact, scene))).toEqual([]);
  expect(lies.filter((fact) => holds(fact, scene))).toEqual([]);
  expect(isColour("red")).toBe(true);
});

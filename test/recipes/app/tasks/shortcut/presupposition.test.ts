import { expect, test } from "vitest";
import { createRandom, type Scorable } from "@papo/core";
import { judgeRow, verdictOf } from "../../../../../recipes/app/tasks/shapes/judge.ts";
import { drawsOf } from "../../../../../recipes/app/tasks/shapes/draws.ts";
import { drawItem, sharedSprites } from "../../../../../recipes/app/tasks/shapes/examples.ts";
import { directResponse, reasonedResponse } from "../../../../../recipes/app/tasks/shapes/questions.ts";
import { looksOf, mixedGrids, objectAt } from "../../../../../recipes/app/tasks/shapes/scene.ts";
import { makeShortcut } from "../../../../../recipes/app/tasks/shortcut/examples.ts";
import { presupposition } from "../../../../../recipes/app/tasks/shortcut/presupposition.ts";
import { fooledScorer } from "../../../../../recipes/app/tasks/shortcut/prior-probe.ts";

const sprites = await sharedSprites();
const signal = new AbortController().signal;

test.each([true, false])("what is taken for granted is true of the picture: %s, and the answer follows", (right) => {
  const draws = drawsOf(createRandom(3));
  let empty = 0;
  for (let round = 0; round < 100; round++) {
    const item = drawItem(draws, { split: "train", grids: mixedGrids, freeShare: 0 });
    const guided = presupposition(item, right, draws, () => item);
    if (guided === null) continue;
    const [, looks, cell, question] = /^(\w+ \w+) at (\w\d) ; (.+)$/.exec(guided.prompt)!;
    const there = objectAt(item.scene, cell!);
    if (there === null) empty++;
    expect(question).toBe(item.question);
    expect(there !== null && looksOf(there) === looks).toBe(right);
    expect(guided.item.facts[0]).toBe(`${cell!} ${there === null ? "none" : looksOf(there)}`);
    expect([guided.item.answer, guided.suggested]).toEqual([right ? item.answer : "none", item.answer]);
  }
  expect(empty > 0).toBe(!right);
});

test("denying a false presupposition is right, answering is being fooled, and a true one is answered", () => {
  const rowOf = (rightShare: number) =>
    makeShortcut(4, { prior: "presupposition", split: "test", seed: 5, rightShare }, sprites);
  const [wrong, right] = [rowOf(0), rowOf(1)];
  expect([wrong.row.fields["prior"], right.row.fields["prior"]]).toEqual(["wrong", "right"]);
  const fooled = directResponse({ answer: String(wrong.row.fields["suggested"]) });
  const verdict = ({ row }: typeof wrong, text: string): string => verdictOf(judgeRow(text, row));
  expect(verdict(wrong, reasonedResponse(wrong.item))).toBe("correct");
  expect(reasonedResponse(wrong.item)).toMatch(/^<think> \w\d (?:\w+ \w+|none) ; none <\/think> \\boxed\{ none \}$/);
  expect(verdict(wrong, "<think> </think> \\boxed{ none }")).toBe("correct");
  expect(verdict(wrong, fooled)).toBe("direct");
  expect(verdict(right, reasonedResponse(right.item))).toBe("correct");
  expect(verdict(right, "<think> </think> \\boxed{ none }")).toBe("direct");
  const rate = ({ row }: typeof wrong, text: string) =>
    fooledScorer.score({ prompt: { row }, response: { segments: [{ text }] } } as unknown as Scorable, signal);
  expect([
    rate(wrong, fooled),
    rate(wrong, reasonedResponse(wrong.item)),
    rate(wrong, "none"),
    rate(right, reasonedResponse(right.item)),
  ]).toEqual([1, 0, 0, null]);
});

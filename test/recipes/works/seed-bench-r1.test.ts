import { createRandom } from "@papo/core";
import { expect, test } from "vitest";
import { drawsOf } from "../../../recipes/app/tasks/shapes/draws.ts";
import { cellPlace, defaultGrid, looksOf, type Scene } from "../../../recipes/app/tasks/shapes/scene.ts";
import { vocabulary } from "../../../recipes/app/tasks/shapes/vocabulary.ts";
import { consistency } from "../../../recipes/works/seed-bench-r1/run.ts";
import { moveRow } from "../../../recipes/works/seed-bench-r1/write-rows.ts";

test("between two frames one shape goes a cell on, and the answer is the next one, among four", () => {
  const draws = drawsOf(createRandom(6));
  const answers = new Set<string>();
  for (let index = 0; index < 60; index++) {
    const row = moveRow(`m-${index}`, draws);
    const [, looks, list] = /^(\w+ \w+) at (.+) \?$/.exec(row.prompt)!;
    const placeOf = (scene: Scene) =>
      cellPlace(scene.objects.find((object) => looksOf(object) === looks)!.cell, defaultGrid)!;
    const [first, now] = row.scenes.map(placeOf) as [ReturnType<typeof placeOf>, ReturnType<typeof placeOf>];
    const next = cellPlace(row.answer, defaultGrid)!;
    expect([next.row - now.row, next.column - now.column]).toEqual([now.row - first.row, now.column - first.column]);
    expect(Math.abs(now.row - first.row) + Math.abs(now.column - first.column)).toBe(1);
    const still = ({ objects }: Scene) => objects.filter((object) => looksOf(object) !== looks);
    expect(still(row.scenes[0]!)).toEqual(still(row.scenes[1]!));
    const choices = list!.split(" or ");
    expect([choices.length, new Set(choices).size, choices.includes(row.answer)]).toEqual([4, 4, true]);
    const response = row.columns!["response"] as string;
    expect([response.endsWith(`\\boxed{ ${row.answer} }`), consistency(response)]).toEqual([true, 1]);
    for (const word of `${row.prompt} ${response}`.split(" ")) expect(vocabulary).toContain(word);
    answers.add(row.answer);
  }
  expect(answers.size).toBeGreaterThan(6);
});

test("an answer is consistent where it is what its thoughts come to", () => {
  expect(consistency("<think> red circle a1 , red circle a2 ; a3 </think> \\boxed{ a3 }")).toBe(1);
  expect(consistency("<think> red circle a1 , red circle a2 ; a3 </think> \\boxed{ a1 }")).toBe(0);
  expect([consistency("<think> </think> \\boxed{ a3 }"), consistency("a3")]).toEqual([null, null]);
});

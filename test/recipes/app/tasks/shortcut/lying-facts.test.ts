import { expect, test } from "vitest";
import { createRandom } from "@papo/core";
import { drawsOf } from "../../../../../recipes/app/tasks/shapes/draws.ts";
import { drawItem } from "../../../../../recipes/app/tasks/shapes/examples.ts";
import { checkFacts } from "../../../../../recipes/app/tasks/shapes/facts.ts";
import { kindOf, questionKinds } from "../../../../../recipes/app/tasks/shapes/questions.ts";
import { lyingFacts } from "../../../../../recipes/app/tasks/shortcut/lying-facts.ts";

test.each(questionKinds.filter(({ level }) => level !== "free").map(({ name }) => name))(
  "%s: lies are of the kind's form, untrue, and lead elsewhere",
  (name) => {
    const draws = drawsOf(createRandom(1).key(name));
    const kind = kindOf(name);
    for (let round = 0; round < 20; round++) {
      const item = drawItem(draws, { split: "train", kinds: [name], freeShare: 0 });
      const lie = lyingFacts(item, draws);
      expect(lie, item.question).not.toBeNull();
      expect(kind.conclude(lie!.facts, item.question)).toEqual({ text: lie!.text, answer: lie!.answer });
      expect(lie!.answer).not.toBe(item.answer);
      const { untrue, missing } = checkFacts(lie!.facts, item.facts, item.scene, kind.wholeList);
      expect(untrue.length + missing.length).toBeGreaterThan(0);
    }
  },
);

test("nothing is a lie where no other answer can follow", () => {
  const kind = { ...kindOf("at"), conclude: () => ({ text: "red circle", answer: "red circle" }) };
  expect(
    lyingFacts(
      { kind, facts: ["a1 red circle"], question: "what at a1 ?", answer: "red circle" },
      drawsOf(createRandom(1)),
    ),
  ).toBeNull();
});

import { expect, test } from "vitest";
import { createRandom } from "../../../../../core/math/random.ts";
import { drawsOf } from "../../../../../recipes/app/tasks/shapes/draws.ts";
import { questionKinds, sampleItem, type Item } from "../../../../../recipes/app/tasks/shapes/questions.ts";
import { defaultGrid, type Split } from "../../../../../recipes/app/tasks/shapes/scene.ts";
import type { QuestionKind } from "../../../../../recipes/app/tasks/shapes/kinds/kind.ts";

const sample = (kind: QuestionKind, split: Split, count: number): Item[] =>
  Array.from({ length: count }, (_, index) =>
    sampleItem(drawsOf(createRandom(9).key(split, index)), { split, kind, grid: defaultGrid }),
  );

/** Accuracy on test of the answer that was commonest on train among questions of the same key. */
function priorAccuracy(train: readonly Item[], held: readonly Item[], keyOf: (item: Item) => string): number {
  const counts = new Map<string, Map<string, number>>();
  for (const item of train) {
    const answers = counts.get(keyOf(item)) ?? new Map<string, number>();
    counts.set(keyOf(item), answers.set(item.answer, (answers.get(item.answer) ?? 0) + 1));
  }
  const guess = (item: Item): string | undefined =>
    [...(counts.get(keyOf(item)) ?? [])].sort((a, b) => b[1] - a[1])[0]?.[0];
  return held.filter((item) => guess(item) === item.answer).length / held.length;
}

const results = questionKinds.map((kind) => {
  const [train, held] = [sample(kind, "train", 3000), sample(kind, "test", 1200)];
  return {
    kind,
    constant: priorAccuracy(train, held, () => kind.name),
    perQuestion: priorAccuracy(train, held, ({ question }) => question),
  };
});

test.each(results)(
  "$kind.name: constant answer $constant, best answer per question text $perQuestion",
  ({ kind, constant, perQuestion }) => {
    if (kind.level === "free") expect(perQuestion).toBe(1);
    else expect(Math.max(constant, perQuestion)).toBeLessThan(0.38);
  },
);

test("over the default kinds, no more than a quarter is answered from priors", () => {
  const asked = results.filter(({ kind }) => kind.level === "easy" || kind.level === "medium");
  expect(asked.reduce((sum, { perQuestion }) => sum + perQuestion, 0) / asked.length).toBeLessThan(0.25);
});

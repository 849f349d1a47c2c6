/** Advantages against torch in float64: 1e-5 relative to the largest of the batch, in float32. */
import { lossOf } from "@papo/core/testing";
import { GroupAdvantagePlugin } from "@papo/plugins";
import { describe, expect, it } from "vitest";
import { goldenJson, hasPart, largestDifference } from "./support.ts";

interface GoldenAdvantages {
  readonly kind: string;
  readonly seed: number;
  readonly rewards: readonly number[];
  readonly group: readonly number[];
  readonly [estimator: string]: unknown;
}

/** What a case says of itself; everything else is an estimator's advantages. */
const FIELDS = ["kind", "seed", "rewards", "group", "lengths", "T"];

const ESTIMATORS: Readonly<Record<string, () => GroupAdvantagePlugin>> = {
  grpo: () => new GroupAdvantagePlugin(),
  grpo_no_std: () => new GroupAdvantagePlugin({ normalise: false }),
  "grpo_eps1e-4_trl": () => new GroupAdvantagePlugin({ epsilon: 1e-4, single: "zero" }),
};

const there = hasPart("losses.json");
const cases = there ? goldenJson<{ readonly advantages: readonly GoldenAdvantages[] }>("losses.json")!.advantages : [];

describe.skipIf(!there)("advantages of losses.json", () => {
  // A test for each case and estimator, so that one that nothing here makes fails alone.
  const byEstimator = cases.flatMap((golden) => {
    const estimators = Object.keys(golden).filter((key) => !FIELDS.includes(key));
    return estimators.map((estimator) => [`${golden.kind} (${golden.seed}), ${estimator}`, golden, estimator] as const);
  });
  it.each(byEstimator)("%s", (_name, golden, estimator) => {
    const plugin = ESTIMATORS[estimator];
    if (plugin === undefined) throw new Error(`the golden file holds the advantages "${estimator}", which no plugin here makes`);
    const wanted = golden[estimator] as readonly number[];
    const { advantages } = lossOf([plugin()], { logProbs: golden.rewards.map(() => [-1, -1]), rewards: golden.rewards, groupOf: golden.group });
    const scale = Math.max(1e-12, ...wanted.map(Math.abs));
    for (const token of [0, 1]) {
      expect.soft(largestDifference(advantages.map((row) => row[token]!), wanted) / scale).toBeLessThanOrEqual(1e-5);
    }
  });
});

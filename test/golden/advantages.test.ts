/** Advantages against torch in float64: 1e-5 relative to the largest of the batch, in float32. */
import { computeAdvantages, createHost, lossOf, makeGroup, makeSample } from "@papo/core/testing";
import type { Plugin } from "@papo/core";
import {
  GroupAdvantagePlugin,
  LeaveOneOutAdvantagePlugin,
  TrajectoryLengthPlugin,
  WhitenedAdvantagePlugin,
} from "@papo/plugins";
import { describe, expect, it } from "vitest";
import { goldenJson, hasPart, largestDifference } from "./support.ts";

interface GoldenAdvantages {
  readonly kind: string;
  readonly seed: number;
  readonly rewards: readonly number[];
  readonly group: readonly number[];
  readonly lengths: readonly number[];
  readonly T: number;
  readonly stcr?: GoldenFactors;
  readonly [estimator: string]: unknown;
}

/** APO's factors of wrong responses that are too long. */
interface GoldenFactors {
  readonly completion_lengths: readonly number[];
  readonly correct: readonly boolean[];
  readonly base_adv: readonly number[];
  readonly factor: readonly number[];
  readonly adv: readonly number[];
}

/** What a case says of itself; everything else is an estimator's advantages. */
const FIELDS = ["kind", "seed", "rewards", "group", "lengths", "T", "stcr"];

const ESTIMATORS: Readonly<Record<string, () => Plugin>> = {
  grpo: () => new GroupAdvantagePlugin(),
  grpo_no_std: () => new GroupAdvantagePlugin({ normalise: false }),
  "grpo_eps1e-4_trl": () => new GroupAdvantagePlugin({ epsilon: 1e-4, single: "zero" }),
  rloo: () => new LeaveOneOutAdvantagePlugin(),
  reinforce_pp: () => new WhitenedAdvantagePlugin(),
  "reinforce_pp_gamma0.95": () => new WhitenedAdvantagePlugin({ discount: 0.95 }),
  reinforce_pp_baseline: () => new WhitenedAdvantagePlugin({ baseline: "group" }),
};

/**
 * Numbers per response over its tokens; what is per token already stays. Null in the file: a single token, which
 * whitening makes 0.
 */
const perToken = (values: (number | readonly number[])[] | null, mask: readonly (readonly number[])[]): number[] =>
  mask.flatMap((row, index) =>
    row.map((counts, t) => {
      const value = values?.[index] ?? 0;
      return counts * (typeof value === "number" ? value : value[t]!);
    }),
  );

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
    if (plugin === undefined)
      throw new Error(`the golden file holds the advantages "${estimator}", which no plugin here makes`);
    const mask = golden.lengths.map((length) => Array.from({ length: golden.T }, (_, t) => Number(t < length)));
    const { advantages } = lossOf([plugin()], {
      logProbs: mask.map((row) => row.map(() => -1)),
      mask,
      rewards: golden.rewards,
      groupOf: golden.group,
    });
    const wanted = perToken(golden[estimator] as (number | readonly number[])[] | null, mask);
    const scale = Math.max(1e-12, ...wanted.map(Math.abs));
    expect(largestDifference(advantages.flat(), wanted) / scale).toBeLessThanOrEqual(1e-5);
  });

  it.each(
    cases
      .filter(({ stcr }) => stcr !== undefined)
      .map((golden) => [`${golden.kind} (${golden.seed})`, golden] as const),
  )("%s, stcr", (_name, golden) => {
    const { completion_lengths: lengths, correct, base_adv: base, factor, adv } = golden.stcr!;
    const samples = lengths.map((length, row) =>
      makeSample({
        prompt: `prompt-${golden.group[row]}`,
        index: row,
        length,
        parts: { accuracy: Number(correct[row]) },
      }),
    );
    const groups = [...new Set(golden.group)].map((group) =>
      makeGroup({ key: `prompt-${group}`, samples: samples.filter((_, row) => golden.group[row] === group) }),
    );
    const groupOf = Int32Array.from(golden.group, (group) => groups.findIndex(({ key }) => key === `prompt-${group}`));
    const [B, T] = [samples.length, 1];
    const mask = new Float32Array(B).fill(1);
    const host = createHost([new GroupAdvantagePlugin(), new TrajectoryLengthPlugin()], { seed: 1 });
    golden.rewards.forEach((reward, row) => (samples[row]!.reward = reward));
    const found = computeAdvantages(host, {
      step: 1,
      samples,
      groups,
      groupOf,
      B,
      T,
      mask,
      oldLogProbs: mask,
      scores: new Map(),
    });
    expect(largestDifference(found, adv) / Math.max(1e-12, ...adv.map(Math.abs))).toBeLessThanOrEqual(1e-5);
    expect(
      largestDifference(
        found,
        base.map((value, row) => value * factor[row]!),
      ) / Math.max(1e-12, ...adv.map(Math.abs)),
    ).toBeLessThanOrEqual(1e-5);
  });
});

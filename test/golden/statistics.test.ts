import { expect, test } from "vitest";
import { createRandom } from "@papo/core";
import { majorityAtK } from "../../recipes/app/evaluation/majority.ts";
import { cohensKappa, passAtK, quantile, ratioEstimate } from "../../recipes/app/evaluation/statistics.ts";
import { goldenJson } from "./support.ts";

interface Golden {
  readonly pass: readonly { readonly n: number; readonly c: number; readonly k: number; readonly value: number }[];
  readonly majority: readonly {
    readonly votes: readonly (readonly [string | null, boolean])[];
    readonly k: number;
    readonly value: number;
  }[];
  readonly quantiles: readonly { readonly values: readonly number[]; readonly q: number; readonly value: number }[];
  readonly bootstrap: readonly {
    readonly values: readonly number[];
    readonly mean: number;
    readonly interval: readonly [number, number];
  }[];
  readonly kappa: readonly { readonly counts: readonly (readonly number[])[]; readonly value: number }[];
}

const read = goldenJson<Golden>("statistics.json");
const there = read !== null;
const golden: Golden = read ?? { pass: [], majority: [], quantiles: [], bootstrap: [], kappa: [] };

test.skipIf(!there)("pass@k is the exact fraction, to 1e-9", () => {
  expect(golden.pass.length).toBeGreaterThan(40);
  for (const { n, c, k, value } of golden.pass)
    expect(Math.abs(passAtK(n, c, k) - value), `n ${n}, c ${c}, k ${k}`).toBeLessThan(1e-9);
});

test.skipIf(!there)("maj@k is that of all subsets, to 1e-9", () => {
  for (const { votes, k, value } of golden.majority) {
    expect(
      Math.abs(
        majorityAtK(
          votes.map(([answer, right]) => ({ answer, right })),
          k,
        ) - value,
      ),
      `${JSON.stringify(votes)}, k ${k}`,
    ).toBeLessThan(1e-9);
  }
});

test.skipIf(!there)("quantiles and kappa are numpy's, to 1e-9", () => {
  for (const { values, q, value } of golden.quantiles) expect(Math.abs(quantile(values, q) - value)).toBeLessThan(1e-9);
  for (const { counts, value } of golden.kappa) expect(Math.abs(cohensKappa(counts) - value)).toBeLessThan(1e-9);
});

test.skipIf(!there)("bootstrap intervals are those of 200,000 draws by numpy, within the error of 2,000", () => {
  for (const { values, mean, interval } of golden.bootstrap) {
    const { value, low, high } = ratioEstimate(
      values,
      values.map(() => 1),
      createRandom(3),
    );
    expect(Math.abs(value - mean)).toBeLessThan(1e-9);
    // The standard error of a 2.5 % quantile of 2,000 normal draws is 0.06 of their standard deviation.
    const deviation = (interval[1] - interval[0]) / 3.92;
    expect(Math.abs(low - interval[0])).toBeLessThan(4 * 0.06 * deviation);
    expect(Math.abs(high - interval[1])).toBeLessThan(4 * 0.06 * deviation);
  }
});

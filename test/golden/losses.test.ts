/**
 * Losses and gradients against torch in float64. Bar: 1e-5 relative, gradients by their L2 norm. Inputs are rounded to
 * float32, which alone moves a loss by up to 2⁻²³·Σ |∂L/∂x|·|x|, and a gradient about twice as far as moving the
 * log-probs by one float32 step does: where terms cancel or policies nearly agree, that is the limit of the comparison,
 * and it is allowed for.
 */
import type { Plugin } from "@papo/core";
import { lossOf } from "@papo/core/testing";
import type { LossOf, Rows } from "@papo/core/testing";
import { DoubleEntropyPlugin } from "@papo/plugins";
import { describe, expect, it } from "vitest";
import { describeLoss, isKnown, minibatchOf, pluginsOf } from "./losses.ts";
import type { GoldenCase, GoldenLoss } from "./losses.ts";
import { goldenJson, hasPart } from "./support.ts";

const there = hasPart("losses.json");
const cases = there ? goldenJson<{ readonly cases: readonly GoldenCase[] }>("losses.json")!.cases : [];
const BAR = 1e-5;

/** Null in the file: torch had no path to these log-probs. */
const flat = (rows: Rows | null | undefined, golden: GoldenCase): number[] =>
  (rows ?? golden.logp.map((row) => row.map(() => 0))).flat();

/** How much rounding the inputs alone can move the loss. */
function inputRounding(golden: GoldenCase, loss: GoldenLoss): number {
  const size = (rows: Rows): number[] => rows.flat().map(Math.abs);
  const [l, others] = [size(golden.logp), [golden.old_logp, golden.ref_logp, golden.masked_logp].map(size)];
  const slopes = flat(loss.grad_logp, golden).map(
    (gradient, index) => Math.abs(gradient) * (l[index]! + Math.max(...others.map((other) => other[index]!))),
  );
  return 2 ** -23 * slopes.reduce((sum, value) => sum + value, 0);
}

interface Errors {
  readonly loss: number;
  readonly gradient: number;
  readonly maskedGradient: number;
}

/** Errors over their bars: 1 is just allowed. */
function errorsOf(golden: GoldenCase, loss: GoldenLoss, plugins: readonly Plugin[]): Errors {
  const found: LossOf = lossOf(plugins, minibatchOf(golden));
  const allowed = BAR * Math.abs(loss.loss) + inputRounding(golden, loss);
  const difference = Math.abs(found.loss - loss.loss);
  const nudged = lossOf(
    plugins,
    minibatchOf({ ...golden, logp: golden.logp.map((row) => row.map((value) => value * (1 + 2 ** -23))) }),
  );
  const gradientError = (view: string, wanted: Rows | null): number => {
    const [here, beside] = [found, nudged].map(({ gradients }) => flat(gradients[view]?.["logProbs"], golden)) as [
      number[],
      number[],
    ];
    const torch = flat(wanted, golden);
    const error = distance(here, torch);
    return error === 0 ? 0 : error / (BAR * distance(torch) + 2 * distance(here, beside));
  };
  return {
    loss: difference === 0 ? 0 : difference / allowed,
    gradient: gradientError("original", loss.grad_logp),
    maskedGradient: gradientError("masked", loss.grad_masked_logp),
  };
}

/** L2 norm of a − b, or of a. */
function distance(a: readonly number[], b?: readonly number[]): number {
  return Math.sqrt(a.reduce((sum, value, index) => sum + (value - (b?.[index] ?? 0)) ** 2, 0));
}

const worst = ({ loss, gradient, maskedGradient }: Errors): number => Math.max(loss, gradient, maskedGradient);

describe.skipIf(!there)("losses.json", () => {
  // A test for each case and kind, so that a kind that nothing here makes fails alone.
  const byKind = cases.flatMap((golden) =>
    [...new Set(golden.losses.map(({ kind }) => kind))].map(
      (kind) => [`${golden.name} (${golden.seed}), ${kind}`, golden, kind] as const,
    ),
  );
  it.each(byKind)("%s", (_name, golden, kind) => {
    for (const loss of golden.losses.filter((one) => one.kind === kind))
      expect.soft(worst(errorsOf(golden, loss, pluginsOf(loss, golden))), describeLoss(loss)).toBeLessThanOrEqual(1);
  });

  it.skipIf(cases.length === 0)("turns red in some case for every plugin that is left out", () => {
    cases[0]!.losses.forEach((first, index) => {
      const count = isKnown(first) ? pluginsOf(first, cases[0]!).length : 0;
      for (let missing = 0; missing < count; missing++) {
        const largest = Math.max(
          ...cases.map((golden) =>
            worst(
              errorsOf(golden, golden.losses[index]!, pluginsOf(golden.losses[index]!, golden).toSpliced(missing, 1)),
            ),
          ),
        );
        const plugin = pluginsOf(first, cases[0]!)[missing]!;
        const idle = plugin instanceof DoubleEntropyPlugin && plugin.options.original === 0;
        if (idle) expect.soft(largest, `${describeLoss(first)} without the idle ${plugin.name}`).toBeLessThanOrEqual(1);
        else expect.soft(largest, `${describeLoss(first)} without ${plugin.name}`).toBeGreaterThan(100);
      }
    });
  });

  it("does not know every kind", () => {
    const loss = { kind: "hinge", options: {}, loss: 0, grad_logp: null, grad_masked_logp: null };
    expect(() => pluginsOf(loss, cases[0]!)).toThrow(
      'the loss kind "hinge", which no plugin here makes; known are ppo_clip',
    );
  });
});

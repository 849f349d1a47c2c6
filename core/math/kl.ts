/**
 * Per-token estimators of KL[π ‖ π_other] from the log-probs of the sampled token (Schulman, "Approximating KL
 * divergence", 2020).
 */
import type { Tensor2D } from "@tensorflow/tfjs-core";
import { elementwise } from "./elementwise.ts";

/**
 * With x = log π_other − log π: k1 = −x, k2 = x²/2, k3 = eˣ − x − 1. "k3_k2" has k3's value and k2's gradient, whose
 * expectation is that of the KL (verl's "k3+"); its gradient knows no clamp. "k3_reverse" estimates KL[π_other ‖ π]
 * from samples of π: eˣ·x − eˣ + 1; "k3_swapped" is k3 with its arguments exchanged, e⁻ˣ + x − 1: KL[π_other ‖ π] from
 * samples of π_other.
 */
export type KlEstimator = (typeof klEstimators)[number];

/** Every estimator, for option schemas. */
export const klEstimators = ["k1", "k2", "k3", "k3_k2", "k3_reverse", "k3_swapped"] as const;

export interface KlClamps {
  /** x is held within ± this first; null leaves it. */
  readonly logRatio: number | null;
  /** The result is held within ± this; null leaves it. */
  readonly result: number | null;
}

/** What verl uses: x within ±20, the result within ±10. */
export const USUAL_KL_CLAMPS: KlClamps = { logRatio: 20, result: 10 };

/**
 * A KL estimate per token, differentiable in both arguments. Where a clamp holds, the gradient is 0; at its very bounds
 * it passes, as torch.clamp does.
 * @param logProbs log π, [B, T]
 * @param other log π_other of the same tokens, [B, T]
 * @returns nats, [B, T], unreduced
 */
export function klDivergence(
  estimator: KlEstimator,
  logProbs: Tensor2D,
  other: Tensor2D,
  clamps: KlClamps = USUAL_KL_CLAMPS,
): Tensor2D {
  const formula = formulas[estimator];
  const ratioBound = clamps.logRatio ?? Number.POSITIVE_INFINITY;
  const resultBound = clamps.result ?? Number.POSITIVE_INFINITY;
  return elementwise(logProbs, other, (a, b, out) => {
    const x = b - a;
    const clampedX = Math.min(Math.max(x, -ratioBound), ratioBound);
    const value = formula.value(clampedX);
    const clamped = Math.min(Math.max(value, -resultBound), resultBound);
    const passes = formula.straightThrough === true || (clampedX === x && clamped === value);
    const slope = passes ? formula.slope(x) : 0;
    out[0] = clamped;
    out[1] = -slope;
    out[2] = slope;
  });
}

interface Formula {
  value(x: number): number;
  slope(x: number): number;
  /** The slope holds where a clamp does too. */
  readonly straightThrough?: boolean;
}

/**
 * The series where eˣ − 1 − x cancels: below 1e-3 its next term, x⁵/120, is under float64's own rounding of the sum.
 */
const k3 = (x: number): number => (Math.abs(x) < 1e-3 ? x * x * (0.5 + x * (1 / 6 + x / 24)) : Math.expm1(x) - x);

/** The series where x·eˣ and eˣ − 1 cancel. */
function k3Reverse(x: number): number {
  return Math.abs(x) < 1e-3 ? x * x * (0.5 + x * (1 / 3 + x / 8)) : x * Math.exp(x) - Math.expm1(x);
}

const formulas: Readonly<Record<KlEstimator, Formula>> = {
  k1: { value: (x) => -x, slope: () => -1 },
  k2: { value: (x) => 0.5 * x * x, slope: (x) => x },
  k3: { value: k3, slope: (x) => Math.expm1(x) },
  k3_k2: { value: k3, slope: (x) => x, straightThrough: true },
  k3_reverse: { value: k3Reverse, slope: (x) => x * Math.exp(x) },
  k3_swapped: { value: (x) => k3(-x), slope: (x) => -Math.expm1(-x) },
};

import { maskedMean, parseOptions, topOfRows } from "@papo/core";
import type { Batch, Plugin, Run } from "@papo/core";
import { mul, tensor2d } from "@tensorflow/tfjs-core";
import type { Tensor2D } from "@tensorflow/tfjs-core";
import { z } from "zod";

const schema = z.strictObject({
  /**
   * The teacher's model folder: a bigger model of the policy's tokenizer and picture sizes. null: the weights at the
   * run's start.
   */
  teacher: z.string().nullable().default(null),
  /** The view without detail: what the teacher's log-probs lose in it is what it saw. */
  view: z.string().default("noisy"),
  /** Weight of the term; 0 computes nothing. */
  coefficient: z.number().nonnegative().default(1),
  /** τ of the softmax over a group's responses. */
  temperature: z.number().positive().default(1),
  /** Share of a response's tokens, those with the largest visual advantage, that have a mean of their own. */
  topTokens: z.number().gt(0).lt(1).meta({ unit: "share of tokens" }).default(0.2),
  /** λ: weight of these tokens' mean; the others have the rest. */
  lambda: z.number().min(0).max(1).default(0.5),
});

/**
 * loss ← loss + mean over prompts of Σ_i w_i·[λ·mean_high KL[π_θ ‖ π_T] + (1 − λ)·mean_low KL[π_θ ‖ π_T]]: the policy's
 * own responses are distilled from a teacher, most where the teacher looks. VA = max(0, log π_T(o|I) − log
 * π_T(o|I_low)); w = softmax of the group's standardised mean VA, over τ; high are the 20 % of a response's tokens with
 * the largest (VA-OPD, arXiv:2605.21924, Eq. 2 to 6, as reimplementations quote them; no release was found). The
 * reverse KL is exact, of full distributions. A response of one token has no low part and keeps its whole weight. List
 * a view plugin for the degraded picture.
 *
 * Metrics: va_opd/advantage, the mean visual advantage over tokens; va_opd/kl, the mean divergence; va_opd/weight, the
 * largest weight of a response.
 */
export class VisualAdvantageDistillationPlugin implements Plugin {
  readonly name = "VisualAdvantageDistillationPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ hooks, scores, teachers, coefficient, metric }: Run): void {
    const { teacher, view } = this.options;
    const weight = coefficient("va_opd/weight", this.options.coefficient);
    const weights = teacher === null ? "reference" : teachers.register({ name: "teacher", folder: teacher });
    const bound = { while: weight, hint: "list a view plugin, DiffusionNoisePlugin say" };
    const [seen, degraded] = [scores.request({ weights, ...bound }), scores.request({ view, weights, ...bound })];
    const divergence = scores.request({
      weights: "current",
      output: "kl",
      gradient: true,
      against: { weights },
      ...bound,
    });
    hooks.terms.tap(this.name, (terms, batch) => {
      if (weight.value === 0) return terms;
      const [full, low, mask] = [batch.get(seen), batch.get(degraded), batch.mask].map(
        (tensor) => tensor.dataSync() as Float32Array,
      ) as [Float32Array, Float32Array, Float32Array];
      const advantage = full.map((value, at) => (mask[at] === 0 ? 0 : Math.max(0, value - low[at]!)));
      const shares = this.responseWeights(advantage, batch);
      const kl = batch.get(divergence); // [B, T]
      metric("va_opd/advantage", maskedMean(advantage, mask));
      metric("va_opd/kl", maskedMean(kl, batch.mask));
      metric("va_opd/weight", Math.max(...shares));
      const value = mul<Tensor2D>(kl, tensor2d(this.#tokenWeights(advantage, mask, shares, batch), [batch.B, batch.T]));
      return [...terms, { name: "va_opd/distillation", coefficient: weight, reduction: "sequence_sum", value }];
    });
  }

  /** w of each response, 1 in sum over a group, [B]. */
  responseWeights(advantage: Float32Array, { mask, groupOf, B, T }: Batch): number[] {
    const m = mask.dataSync();
    const means = Array.from({ length: B }, (_, row) =>
      maskedMean(advantage.subarray(row * T, row * T + T), m.subarray(row * T, row * T + T)),
    );
    const weights = new Array<number>(B).fill(0);
    for (const rows of groups(groupOf)) {
      const mean = rows.reduce((sum, row) => sum + means[row]!, 0) / rows.length;
      const deviation = Math.sqrt(rows.reduce((sum, row) => sum + (means[row]! - mean) ** 2, 0) / rows.length);
      const powers = rows.map((row) =>
        deviation < 1e-8 ? 1 : Math.exp((means[row]! - mean) / (deviation + 1e-8) / this.options.temperature),
      );
      const total = powers.reduce((a, b) => a + b, 0);
      rows.forEach((row, index) => (weights[row] = powers[index]! / total));
    }
    return weights;
  }

  /** What each token's divergence counts in its response's sum; of a group of G, each response counts G·w, [B · T]. */
  #tokenWeights(advantage: Float32Array, mask: Float32Array, shares: readonly number[], batch: Batch): Float32Array {
    const { topTokens, lambda } = this.options;
    const { groupOf, B, T } = batch;
    const high = topOfRows(advantage, mask, batch, (tokens) => Math.ceil(tokens * topTokens));
    const sizes = groups(groupOf).reduce(
      (all, rows) => (rows.forEach((row) => (all[row] = rows.length)), all),
      new Array<number>(B).fill(0),
    );
    const counts = Array.from({ length: B }, (_, row) => {
      const of = (array: Float32Array): number => array.subarray(row * T, row * T + T).reduce((a, b) => a + b, 0);
      return { high: of(high), low: of(mask) - of(high) };
    });
    return mask.map((counted, at) => {
      const row = Math.floor(at / T);
      const { high: most, low } = counts[row]!;
      const part = low === 0 ? 1 / most : high[at] === 1 ? lambda / most : (1 - lambda) / low;
      return counted === 0 ? 0 : sizes[row]! * shares[row]! * part;
    });
  }
}

/** Rows of each group. */
function groups(groupOf: Int32Array): number[][] {
  const byGroup = new Map<number, number[]>();
  groupOf.forEach((group, row) => byGroup.set(group, [...(byGroup.get(group) ?? []), row]));
  return [...byGroup.values()];
}

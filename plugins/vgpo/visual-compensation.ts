import { groupsOf, maskedMean, minMax, minMaxOfRows, overTokens, parseOptions, rowMeans } from "@papo/core";
import type { Batch, Plugin, Run } from "@papo/core";
import { mul, tensor2d } from "@tensorflow/tfjs-core";
import type { Tensor2D } from "@tensorflow/tfjs-core";
import { z } from "zod";

const schema = z.strictObject({
  /** β: how much a chosen late token's focus is raised at the end of the response. */
  strength: z.number().nonnegative().default(0.3),
  /** γ: tokens from this share of the response on may be raised. */
  start: z.number().min(0).lt(1).default(0.5),
  /** κ: the share of those that are raised, the most focused. */
  topTokens: z.number().gt(0).max(1).meta({ unit: "share of tokens" }).default(0.2),
  /** The factor of a token lies within these. */
  tokenRange: z.tuple([z.number(), z.number()]).default([0.1, 2]),
  /** The factor of a response lies within these. */
  responseRange: z.tuple([z.number(), z.number()]).default([0.9, 2]),
});

/**
 * w_t, the cosine of a token's last hidden state with the mean of the picture's, says where the policy looks. Within a
 * response, late focus is raised, w_t·(1 + β·t/T), and A_t is multiplied by 1 + (ŵ_t − mean ŵ), ŵ = minmax over the
 * response; between the responses of a group A is multiplied by 1 + (φ̂ − mean φ̂), φ = Σ_t w_t (VGPO,
 * arXiv:2604.09349, Eq. 5 to 11; release: dp_actor.py, core_algos.py). No pass of its own: the similarity comes with
 * the scoring of the old log-probs. List it after the plugin of the advantages.
 *
 * Metrics: vgpo/similarity, the mean cosine over tokens; vgpo/token_factor, the mean |factor − 1| within responses;
 * vgpo/response_factor, between them.
 */
export class VisualCompensationPlugin implements Plugin {
  readonly name = "VisualCompensationPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ hooks, scores, metric }: Run): void {
    const similarity = scores.request({ weights: "old", output: "pictureSimilarity" });
    hooks.advantages.tap(this.name, (advantages, batch) => {
      const cosine = batch.get(similarity).dataSync() as Float32Array;
      const mask = batch.mask.dataSync() as Float32Array;
      const focus = minMaxOverBatch(cosine, mask);
      const within = this.#withinResponses(focus, mask, batch);
      const between = this.#betweenResponses(focus, mask, batch);
      metric("vgpo/similarity", maskedMean(cosine, mask));
      metric(
        "vgpo/token_factor",
        maskedMean(
          within.map((factor) => Math.abs(factor - 1)),
          mask,
        ),
      );
      for (const factor of between) metric("vgpo/response_factor", Math.abs(factor - 1));
      return mul<Tensor2D>(
        mul(advantages, tensor2d(Float32Array.from(within), [batch.B, batch.T])),
        overTokens(between, batch),
      );
    });
  }

  /** ψ of each token, [B · T]; 1 outside the mask. */
  #withinResponses(focus: Float64Array, mask: ArrayLike<number>, batch: Batch): Float64Array {
    const raised = focus.slice();
    for (const tokens of rowsOf(mask, batch)) this.#raiseLate(raised, tokens);
    const normalised = minMaxOfRows(raised, mask, batch);
    const means = rowMeans(normalised, mask, batch);
    return normalised.map((value, at) =>
      mask[at] === 0 ? 1 : within(1 + value - means[Math.floor(at / batch.T)]!, this.options.tokenRange),
    );
  }

  /** Raise a response's most focused late tokens, in place. */
  #raiseLate(focus: Float64Array, tokens: readonly number[]): void {
    const { strength, start, topTokens } = this.options;
    const first = Math.floor(tokens.length * start);
    const late = tokens.slice(first);
    if (late.length === 0) return;
    const threshold = late.map((at) => focus[at]!).sort((a, b) => b - a)[
      Math.max(1, Math.floor(late.length * topTokens)) - 1
    ]!;
    const span = tokens.at(-1)! - tokens[0]! + 1e-8;
    for (const at of late) if (focus[at]! >= threshold) focus[at]! *= 1 + (strength * (at - tokens[0]!)) / span;
  }

  /** α of each response, [B]; 1 in a group of one. */
  #betweenResponses(focus: Float64Array, mask: ArrayLike<number>, batch: Batch): Float64Array {
    const sums = rowsOf(mask, batch).map((tokens) => tokens.reduce((sum, at) => sum + focus[at]!, 0));
    const factors = new Float64Array(batch.B).fill(1);
    for (const rows of groupsOf(batch.groupOf)) {
      if (rows.length < 2) continue;
      const normalised = minMax(rows.map((row) => sums[row]!));
      const mean = normalised.reduce((sum, value) => sum + value, 0) / rows.length;
      rows.forEach((row, index) => (factors[row] = within(1 + normalised[index]! - mean, this.options.responseRange)));
    }
    return factors;
  }
}

const within = (value: number, [low, high]: readonly [number, number]): number => Math.min(Math.max(value, low), high);

/** Indices of each response's tokens, in order. */
function rowsOf(mask: ArrayLike<number>, { B, T }: Batch): number[][] {
  return Array.from({ length: B }, (_, row) =>
    Array.from({ length: T }, (_, t) => row * T + t).filter((at) => mask[at] !== 0),
  );
}

/** To [0, 1] over all tokens that count; 0 elsewhere. */
function minMaxOverBatch(x: Float32Array, mask: Float32Array): Float64Array {
  return minMaxOfRows(x, mask, { B: 1, T: x.length });
}

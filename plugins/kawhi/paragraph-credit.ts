import { maskedMean, parseOptions, tokensUntil } from "@papo/core";
import type { Batch, Plugin, Run } from "@papo/core";
import { mul, tensor2d } from "@tensorflow/tfjs-core";
import type { Tensor2D } from "@tensorflow/tfjs-core";
import { z } from "zod";

const schema = z.strictObject({
  /** The view whose regarded visual tokens count; "original": all of the picture's. */
  view: z.string().default("key-regions"),
  /**
   * α: "alignment", the cosine of query and key, as in the paper; "attention", the probability that the query puts on
   * the tokens.
   */
  score: z.enum(["alignment", "attention"]).default("alignment"),
  /** Layers of the decoder that α is the mean of, from 0; −1 is the last. */
  layers: z
    .union([z.literal("all"), z.array(z.int()).min(1)])
    .meta({ unit: "layer numbers" })
    .default([-1]),
  /**
   * Heads that α is the mean of. Paper: 0, 1, 3 and 22 to 27 of Qwen2.5-VL-7B, 2, 3, 4, 12, 13, 19, 25 and 27 of
   * Qwen3-VL-4B.
   */
  heads: z
    .union([z.literal("all"), z.array(z.int()).min(1)])
    .meta({ unit: "head numbers" })
    .default("all"),
  /** What ends a paragraph of a response's text. */
  separator: z.string().min(1).default("\n\n"),
  /** τ of the softmax over paragraphs; the paper names no value. */
  temperature: z.number().positive().default(0.1),
  /** λ: share of the weight that all paragraphs have alike; the paper names no value. */
  smoothing: z.number().min(0).max(1).default(0.1),
  /** Least and largest weight of a paragraph. */
  range: z.tuple([z.number().nonnegative(), z.number().nonnegative()]).default([0.1, 1]),
});

/**
 * A_t ← A_t·w_j for the tokens of paragraph j: w_j = w_min + (w_max − w_min)·((1 − λ)·softmax_j(ᾱ_j / τ) + λ/M), ᾱ_j
 * the mean over its tokens of α_t, the mean cosine of a token's queries with the keys of the picture's key regions,
 * over the heads that see (KAWHI, arXiv:2603.27375, Eq. 12 to 17; its code is not published). Responses to text-only
 * prompts keep their advantages, which the paper does not speak of; those of one paragraph have w = w_max. List it
 * after the plugin of the advantages, and KeyRegionsPlugin beside it.
 *
 * Metrics: kawhi/alignment, the mean α over tokens; kawhi/weight, the mean weight; kawhi/paragraphs, those of a
 * response.
 */
export class ParagraphCreditPlugin implements Plugin {
  readonly name = "ParagraphCreditPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ hooks, scores, metric, warn }: Run): void {
    const { view, score, layers, heads, separator } = this.options;
    const hint = 'list KeyRegionsPlugin in the recipe, or set view to "original" for all visual tokens';
    const output = score === "attention" ? "pictureAttention" : "pictureAlignment";
    const alignment = scores.request({ view, weights: "old", output, layers, heads, hint });
    hooks.advantages.tap(this.name, (advantages, batch) => {
      const alpha = batch.get(alignment).dataSync() as Float32Array;
      const mask = batch.mask.dataSync() as Float32Array;
      const weights = new Float32Array(batch.B * batch.T).fill(1);
      let most = 0;
      batch.samples.forEach(({ prompt }, row) => {
        if (prompt.pictures.length === 0) return;
        const paragraphs = this.#paragraphs(batch, row, mask);
        metric("kawhi/paragraphs", paragraphs.length);
        most = Math.max(most, paragraphs.length);
        const own = this.weights(paragraphs.map((tokens) => mean(tokens.map((at) => alpha[at]!))));
        paragraphs.forEach((tokens, j) => tokens.forEach((at) => (weights[at] = own[j]!)));
      });
      if (most === 1)
        warn(
          `each response of a step is one paragraph, whose tokens all have the same weight: the recipe learns as it would without this plugin; set separator, which is ${JSON.stringify(separator)}, to what ends a paragraph in these responses`,
        );
      metric("kawhi/alignment", maskedMean(alpha, mask));
      metric("kawhi/weight", maskedMean(weights, mask));
      return mul<Tensor2D>(advantages, tensor2d(weights, [batch.B, batch.T]));
    });
  }

  /** w_j of paragraphs with these scores. */
  weights(scores: readonly number[]): number[] {
    const {
      temperature,
      smoothing,
      range: [least, most],
    } = this.options;
    const largest = Math.max(...scores);
    const raised = scores.map((score) => Math.exp((score - largest) / temperature));
    const sum = raised.reduce((a, b) => a + b, 0);
    return raised.map(
      (value) => least + (most - least) * ((1 - smoothing) * (value / sum) + smoothing / scores.length),
    );
  }

  /** Places in [B · T] of each paragraph's tokens that count; a separator belongs to what it ends. */
  #paragraphs({ samples, text, T }: Batch, row: number, mask: Float32Array): number[][] {
    const { tokens } = samples[row]!.response;
    const found: number[][] = [];
    for (let from = 0; from < tokens.length;) {
      const rest = tokens.subarray(from);
      const length = tokensUntil(rest, this.options.separator, text) ?? rest.length;
      const own = Array.from({ length }, (_, i) => row * T + from + i).filter((at) => mask[at] !== 0);
      const isEmpty = text.decode(rest.subarray(0, length)).trim() === "";
      if (isEmpty && found.length > 0) found.at(-1)!.push(...own);
      else found.push(own);
      from += length;
    }
    return found.filter((own) => own.length > 0);
  }
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

import { detach, maskedMean, maskedShare, parseOptions, probabilityRatio, reductions } from "@papo/core";
import type { Plugin, Run } from "@papo/core";
import { div, mul, neg, sigmoid, sub, tensor2d } from "@tensorflow/tfjs-core";
import type { Tensor2D } from "@tensorflow/tfjs-core";
import { z } from "zod";

const schema = z.strictObject({
  /** τ₊: steepness of the gate where the advantage is positive. */
  positive: z.number().positive().default(1),
  /** τ₋: steepness elsewhere; larger, so that what pushes many other tokens up fades sooner. */
  negative: z.number().positive().default(1.05),
  /** log r is held within ± this first (verl: 20); null leaves it (TRL). */
  logRatioClamp: z.number().positive().meta({ unit: "nats" }).nullable().default(20),
  /** How tokens are averaged. */
  reduction: z.enum(reductions).default("sequence_mean"),
});

/**
 * loss ← loss − f(r)·A, f(r) = σ(τ·(r − 1))·4/τ, r = π_θ / π_old, τ = τ₊ where A > 0 and τ₋ elsewhere: a soft gate
 * instead of a clip, its slope 1 at r = 1 (SAPO, arXiv:2511.20347, Eq. 5 and 6). Weights of slot "before_clip" multiply
 * A.
 *
 * Metrics: policy/gate, the mean slope that the gate leaves a token, 1 at r = 1; policy/faded, the share of tokens it
 * leaves less than half; policy/ratio, the mean r.
 */
export class SoftObjectivePlugin implements Plugin {
  readonly name = "SoftObjectivePlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ hooks, metric }: Run): void {
    const { positive, negative, logRatioClamp, reduction } = this.options;
    hooks.terms.tap(this.name, (terms, batch) => {
      const advantages = detach(mul<Tensor2D>(batch.advantages, batch.weights("policy", "before_clip"))); // [B, T]
      const tau = tensor2d(
        advantages.dataSync().map((value) => (value > 0 ? positive : negative)),
        [batch.B, batch.T],
      );
      const ratio = probabilityRatio(batch.logProbs, batch.oldLogProbs, logRatioClamp); // [B, T]
      const gate = sigmoid(mul(tau, sub(ratio, 1)));
      const slopes = gate.dataSync().map((g) => 4 * g * (1 - g));
      metric("policy/gate", maskedMean(slopes, batch.mask));
      metric(
        "policy/faded",
        maskedShare(batch.mask, (at) => slopes[at]! < 0.5),
      );
      metric("policy/ratio", maskedMean(ratio, batch.mask));
      return [...terms, { name: "policy", value: neg(mul<Tensor2D>(mul(gate, div(4, tau)), advantages)), reduction }];
    });
  }
}

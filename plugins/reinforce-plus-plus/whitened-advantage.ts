import { allAlone, groupAdvantages, maskedMean, parseOptions, whiten } from "@papo/core";
import type { Batch, Plugin, Run } from "@papo/core";
import { tensor2d } from "@tensorflow/tfjs-core";
import { z } from "zod";

const schema = z.strictObject({
  /**
   * "none": discounted returns of token rewards (REINFORCE++); "group": reward minus the group's mean (its baseline
   * variant).
   */
  baseline: z.enum(["none", "group"]).default("none"),
  /** γ of the return G_t = Σ γ^k·r_{t+k} ("none" only). */
  discount: z.number().min(0).max(1).default(1),
  /** β of the token reward −β·(log π_old − log π_ref) ("none" only); 0 computes nothing. */
  kl: z.number().nonnegative().meta({ unit: "reward per nat" }).default(0),
});

/**
 * A = whiten(return), over all tokens of the step: the response's reward stands at its last token, −β·k1 at every one
 * (REINFORCE++, arXiv:2501.03262, Eq. 6 to 9; "group": its baseline variant, whiten(r − mean of the group)). Whitening
 * subtracts the mean and divides by the standard deviation of the whole batch, as verl does.
 *
 * Metric: reinforce/return, the mean return over tokens before whitening; reinforce/kl, the mean k1 over tokens.
 */
export class WhitenedAdvantagePlugin implements Plugin {
  readonly name = "WhitenedAdvantagePlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ hooks, scores, coefficient, metric, warn }: Run): void {
    const { baseline } = this.options;
    const beta = coefficient("reinforce/beta", this.options.kl);
    const reference = baseline === "none" ? scores.request({ weights: "reference", while: beta }) : null;
    hooks.advantages.tap(this.name, (_advantages, batch) => {
      if (baseline === "group" && allAlone(batch.groupOf))
        warn("every group has one response, and its mean is no baseline; set samplesPerPrompt to 2 or more");
      const mask = batch.mask.dataSync();
      const k1 = new Float64Array(mask.length);
      if (reference !== null && beta.value !== 0) {
        const [old, ref] = [batch.oldLogProbs.dataSync(), batch.get(reference).dataSync()];
        k1.forEach((_, at) => (k1[at] = mask[at] === 0 ? 0 : old[at]! - ref[at]!));
        metric("reinforce/kl", maskedMean(k1, mask));
      }
      const returns = baseline === "group" ? overGroups(batch) : this.#returns(batch, mask, k1, beta.value);
      metric("reinforce/return", maskedMean(returns, mask));
      return tensor2d(Float32Array.from(whiten(returns, mask)), [batch.B, batch.T]);
    });
  }

  /** Discounted sums of what follows, [B, T]; tokens outside the mask are stepped over. */
  #returns({ samples, B, T }: Batch, mask: ArrayLike<number>, k1: Float64Array, beta: number): Float64Array {
    const returns = new Float64Array(B * T);
    for (let row = 0; row < B; row++) {
      let [sum, last] = [0, true];
      for (let at = (row + 1) * T - 1; at >= row * T; at--) {
        if (mask[at] === 0) continue;
        sum = (last ? samples[row]!.reward : 0) - beta * k1[at]! + this.options.discount * sum;
        last = false;
        returns[at] = sum;
      }
    }
    return returns;
  }
}

/** Reward minus the group's mean for every token, [B, T]. */
function overGroups({ samples, groupOf, B, T }: Batch): Float64Array {
  const centred = groupAdvantages(
    samples.map(({ reward }) => reward),
    groupOf,
    { normalise: false, epsilon: 0, single: "reward" },
  );
  return Float64Array.from({ length: B * T }, (_, index) => centred[Math.floor(index / T)]!);
}

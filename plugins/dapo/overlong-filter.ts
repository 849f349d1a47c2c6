import { overTokens, parseOptions } from "@papo/core";
import type { Batch, Plugin, Run } from "@papo/core";
import { mul } from "@tensorflow/tfjs-core";
import type { Tensor2D } from "@tensorflow/tfjs-core";
import { z } from "zod";

const schema = z.strictObject({
  /** The terms that cut responses do not count in; null is all of them. */
  terms: z.array(z.string()).nullable().default(null),
  /**
   * What the average is over: "all" tokens or responses, cut ones included; "kept_tokens", for a reduction by tokens;
   * "kept_responses", for one by non-empty sequences.
   */
  denominator: z.enum(["all", "kept_tokens", "kept_responses"]).default("kept_tokens"),
});

/**
 * Responses that were cut at the length limit teach nothing: their weight is 0, since their reward says nothing about
 * them (DAPO, arXiv:2503.14476, overlong filtering; TRL's mask_truncated_completions). They still count in their
 * group's advantages.
 *
 * Metric: dapo/filtered, the share of responses left out.
 */
export class OverlongFilterPlugin implements Plugin {
  readonly name = "OverlongFilterPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ hooks, metric }: Run): void {
    hooks.weights.tap(this.name, (weights, { term, slot, batch }) => {
      const { terms } = this.options;
      if (slot !== "after_clip" || (terms !== null && !terms.includes(term))) return weights;
      const kept = batch.samples.map(({ response }) => response.finish !== "length");
      metric("dapo/filtered", kept.filter((keep) => !keep).length / batch.B);
      const factor = this.#factor(batch, kept);
      return mul<Tensor2D>(
        weights,
        overTokens(
          kept.map((keep) => (keep ? factor : 0)),
          batch,
        ),
      );
    });
  }

  /** What makes the mean over everything one over what is kept. */
  #factor({ mask, B, T }: Batch, kept: readonly boolean[]): number {
    const { denominator } = this.options;
    if (denominator === "all") return 1;
    const values = mask.dataSync() as Float32Array;
    const tokens = Array.from({ length: B }, (_, row) =>
      values.subarray(row * T, (row + 1) * T).reduce((sum, value) => sum + value, 0),
    );
    const sizes = denominator === "kept_tokens" ? tokens : tokens.map((count) => Number(count > 0));
    const left = sizes.reduce((sum, size, row) => sum + (kept[row] ? size : 0), 0);
    return left === 0 ? 0 : sizes.reduce((sum, size) => sum + size, 0) / left;
  }
}

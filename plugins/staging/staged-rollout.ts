import { parseOptions } from "@papo/core";
import type { Plugin, Run } from "@papo/core";
import { z } from "zod";

const schema = z.strictObject({
  /**
   * In order: until which share of the run each stage lasts, its longest response and its group size. The last lasts to
   * 1.
   */
  stages: z
    .array(
      z.strictObject({
        until: z.number().gt(0).max(1),
        maxNewTokens: z.int().positive(),
        samplesPerPrompt: z.int().positive(),
      }),
    )
    .min(1)
    .default([
      { until: 0.5, maxNewTokens: 4096, samplesPerPrompt: 16 },
      { until: 1, maxNewTokens: 8192, samplesPerPrompt: 8 },
    ]),
});

/**
 * Short responses in large groups first, long ones in small groups later: the policy reasons well before it may reason
 * long (Vision-R1's PTST, arXiv:2503.06749, Sec. 3.3: 4K × 16, then 8K × 8; README of the release, whose training code
 * is not published).
 *
 * Metrics: staging/max_new_tokens and staging/samples_per_prompt, those in force.
 */
export class StagedRolloutPlugin implements Plugin {
  readonly name = "StagedRolloutPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
    const ends = this.options.stages.map(({ until }) => until);
    const rising = ends.every((end, index) => index === 0 || end > ends[index - 1]!);
    if (!rising || ends.at(-1) !== 1)
      throw new Error(
        `${this.name}: the stages end at ${ends.join(", ")} of the run; they must rise, and the last must be 1`,
      );
  }

  apply({ hooks, metric }: Run): void {
    hooks.rollout.tap(this.name, (plan, { step, steps }) => {
      const { maxNewTokens, samplesPerPrompt } = this.options.stages.find(({ until }) => step <= until * steps)!;
      metric("staging/max_new_tokens", maxNewTokens);
      metric("staging/samples_per_prompt", samplesPerPrompt);
      return { ...plan, maxNewTokens, shares: [{ view: "original", count: samplesPerPrompt }] };
    });
  }
}

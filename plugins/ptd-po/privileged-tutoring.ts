import { maskedMean, overTokens, parseOptions, rewardPart } from "@papo/core";
import type { Plugin, Row, Run } from "@papo/core";
import { mul } from "@tensorflow/tfjs-core";
import type { Tensor2D } from "@tensorflow/tfjs-core";
import { z } from "zod";

const schema = z.strictObject({
  /** The teacher's model folder; null: the weights at the run's start, which the paper's teacher is. */
  teacher: z.string().nullable().default(null),
  /** The column with a row's hint; rows without one are not tutored. */
  hint: z.string().default("hint"),
  /** What the teacher reads in place of the prompt: {prompt} and {hint} are filled in. */
  template: z.string().default("{prompt}\n\nHint: {hint}"),
  /** λ, the weight of the term; 0 computes nothing. */
  coefficient: z.number().nonnegative().default(0.05),
  /** The part of the reward that says whether a response is right: right ones are not tutored. */
  accuracy: z.string().default("accuracy"),
  /** A response is right when that part is above this. */
  threshold: z.number().default(0.1),
});

/**
 * loss ← loss + λ·mean over the tokens of wrong responses of JSD(π_θ(·|x), π_T(·|x, hint)): a frozen teacher that reads
 * a hint tells the way on the policy's own mistakes, while the policy reads the prompt alone (PTD-PO, arXiv:2606.07000;
 * release 9953ea2, as audits quote it). The divergence is the paper's, of full distributions and exact, in nats; the
 * release approximates it on top-k tokens with a uniform tail, and detaches the policy's weights in it. The view
 * "tutored" is the prompt with its hint.
 *
 * Metrics: ptd/jsd, the mean divergence over tutored tokens; ptd/tutored, the share of tokens that are.
 */
export class PrivilegedTutoringPlugin implements Plugin {
  readonly name = "PrivilegedTutoringPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ hooks, views, scores, teachers, coefficient, metric, warn }: Run): void {
    const { teacher, template, accuracy, threshold, hint: column } = this.options;
    const lambda = coefficient("ptd/lambda", this.options.coefficient);
    views.register({
      name: "tutored",
      prompt: (original, { row }) => {
        const hint = this.#hintOf(row);
        return hint === null
          ? original
          : {
              ...original,
              prompt: template.replaceAll("{prompt}", () => original.prompt).replaceAll("{hint}", () => hint),
            };
      },
    });
    const weights = teacher === null ? "reference" : teachers.register({ name: "teacher", folder: teacher });
    const divergence = scores.request({
      weights: "current",
      output: "jsd",
      gradient: true,
      against: { view: "tutored", weights },
      while: lambda,
    });
    hooks.terms.tap(this.name, (terms, batch) => {
      if (lambda.value === 0) return terms;
      if (batch.samples.every(({ prompt }) => this.#hintOf(prompt.row) === null))
        warn(
          `no row of an update has a hint in the column "${column}": nothing is taught, and the recipe learns as it would without this plugin; name the column in the option hint, or leave the plugin out`,
        );
      const tutored = batch.samples.map((sample) =>
        Number(this.#hintOf(sample.prompt.row) !== null && rewardPart(sample, accuracy) <= threshold),
      );
      const chosen = overTokens(tutored, batch); // [B, T]
      const share = maskedMean(chosen, batch.mask);
      const jsd = batch.get(divergence); // [B, T]
      metric("ptd/tutored", share);
      metric("ptd/jsd", maskedMean(jsd, mul(batch.mask, chosen)));
      // A mean over all tokens becomes one over the chosen.
      const value = mul<Tensor2D>(jsd, mul<Tensor2D>(chosen, share === 0 ? 0 : 1 / share));
      return [...terms, { name: "ptd/tutoring", coefficient: lambda, reduction: "token_mean", value }];
    });
  }

  #hintOf({ id, fields }: Row): string | null {
    const { hint: column } = this.options;
    const hint = fields[column] ?? null;
    if (hint !== null && typeof hint !== "string")
      throw new Error(
        `row "${id}" has ${JSON.stringify(hint)?.slice(0, 60)} in the column "${column}"; a hint is a text`,
      );
    return hint === "" ? null : hint;
  }
}

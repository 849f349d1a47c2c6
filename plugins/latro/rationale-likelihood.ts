import { overTokens, parseOptions, tokensUntil } from "@papo/core";
import type { Batch, Plugin, Run, Sample, Scorable, TextCodec } from "@papo/core";
import { mul, tensor2d } from "@tensorflow/tfjs-core";
import type { Tensor2D } from "@tensorflow/tfjs-core";
import { z } from "zod";

const schema = z.strictObject({
  /** β, what a nat of the rationale's divergence from the reference costs; 0 computes nothing. */
  kl: z.number().nonnegative().meta({ unit: "reward per nat" }).default(0.05),
  /** The rationale ends before this text; a response without it is rationale throughout. */
  until: z.string().default("<answer>"),
  /** What is scored after the rationale; {answer} is the row's. */
  target: z.string().default("<answer> {answer}"),
  /**
   * A response cut at the length limit gets this many times the mean likelihood reward of its group, which is negative;
   * null leaves it.
   */
  cutPenalty: z.number().positive().nullable().default(2),
});

/**
 * r = Σ log π(answer | question, rationale) − β·Σ_t (log π − log π_ref) of the rationale: the right answer's likelihood
 * is the reward, and no verifier is needed; only the rationale's tokens are trained (LaTRO, arXiv:2411.04282, Eq. 6 and
 * 7; release: latro_trainer.py, with RLOO advantages and summed log-probs). The release takes the mean for the cut's
 * penalty over its local batch, here it is the group's.
 *
 * Metrics: latro/likelihood, the mean Σ log π of the answer; latro/kl, the mean divergence of rationales;
 * latro/rationale, their mean length.
 */
export class RationaleLikelihoodPlugin implements Plugin {
  readonly name = "RationaleLikelihoodPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ hooks, scores, coefficient, metric }: Run): void {
    const beta = coefficient("latro/beta", this.options.kl);
    // Of this step's samples; nothing of it outlives the step.
    const rationale = new WeakMap<Sample["response"], number>();
    const target = {
      name: "gold",
      of: (sample: Scorable, text: TextCodec) => {
        const given = this.#rationaleTokens(sample, text);
        rationale.set(sample.response, given);
        return { given, tokens: text.encodeText(this.options.target.replaceAll("{answer}", sample.prompt.row.answer)) };
      },
    };
    const gold = scores.request({ weights: "old", stage: "rewards", target });
    const [old, reference] = [
      scores.request({ weights: "old", stage: "rewards", while: beta }),
      scores.request({ weights: "reference", stage: "rewards", while: beta }),
    ];
    hooks.rewards.tapPromise(this.name, (_rewards, group) => {
      const likelihoods = group.get(gold).map((logProbs) => logProbs.reduce((sum, value) => sum + value, 0));
      const mean = likelihoods.reduce((sum, value) => sum + value, 0) / likelihoods.length;
      const [ours, theirs] = [group.get(old), group.get(reference)];
      return Promise.resolve(
        group.samples.map(({ response }, index) => {
          const length = rationale.get(response) ?? response.tokens.length;
          const kl = ours[index]!.subarray(0, length).reduce((sum, value, t) => sum + value - theirs[index]![t]!, 0);
          metric("latro/likelihood", likelihoods[index]!);
          metric("latro/kl", kl);
          metric("latro/rationale", length);
          const likelihood =
            response.finish === "length" && this.options.cutPenalty !== null
              ? this.options.cutPenalty * mean
              : likelihoods[index]!;
          return likelihood - beta.value * kl;
        }),
      );
    });
    hooks.weights.tap(this.name, (weights, { term, slot, batch }) =>
      term === "policy" && slot === "after_clip"
        ? mul<Tensor2D>(
            weights,
            untilEnd(batch, ({ response }) => rationale.get(response) ?? response.tokens.length),
          )
        : weights,
    );
  }

  #rationaleTokens({ response: { tokens, finish } }: Scorable, text: TextCodec): number {
    const marked = tokensUntil(tokens, this.options.until, text);
    if (marked === null) return finish === "stop" ? tokens.length - 1 : tokens.length;
    // Back to before the mark's first token.
    for (let count = marked - 1; count > 0; count--)
      if (!overlaps(text.decode(tokens.subarray(0, count), { special: true }), this.options.until)) return count;
    return 0;
  }
}

/** Whether a text ends in the beginning of the mark. */
const overlaps = (value: string, mark: string): boolean =>
  Array.from({ length: mark.length - 1 }, (_, size) => mark.slice(0, size + 1)).some((part) => value.endsWith(part));

/** 1 for each response's first tokens, 0 after them, [B, T]. */
function untilEnd(batch: Batch, lengthOf: (sample: Sample) => number): Tensor2D {
  const lengths = overTokens(batch.samples.map(lengthOf), batch).dataSync() as Float32Array;
  return tensor2d(
    lengths.map((length, at) => Number(at % batch.T < length)),
    [batch.B, batch.T],
  );
}

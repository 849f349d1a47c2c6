import { klDivergence, maskedMean, parseOptions, reductions } from "@papo/core";
import type { Plugin, Run } from "@papo/core";
import { z } from "zod";

const schema = z.strictObject({
  /** Weight of the divergence from the masked view, which is maximised; 0 computes nothing. */
  masked: z.number().nonnegative().default(0.01),
  /** Weight of the divergence from the noisy view, which is minimised; 0 computes nothing. */
  noisy: z.number().nonnegative().default(0.01),
  /** The view to move away from. */
  maskedView: z.string().default("masked"),
  /** The view to stay close to. */
  noisyView: z.string().default("noisy"),
  /** How tokens are averaged. */
  reduction: z.enum(reductions).default("token_mean"),
});

/**
 * loss ← loss − 0.01·k3(π, π_masked) + 0.01·k3(π, π_noisy): depend on the picture, and not on its noise (DVRP,
 * arXiv:2601.06801, which adds 0.05 of both entropies: DoubleEntropyPlugin; its code was not read). Both sides are
 * constants from the old weights. List RandomMaskPlugin and DiffusionNoisePlugin for the views.
 *
 * Metrics: dvrp/masked_kl and dvrp/noisy_kl, means over tokens.
 */
export class DualViewKlPlugin implements Plugin {
  readonly name = "DualViewKlPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ hooks, scores, coefficient, metric }: Run): void {
    const { maskedView, noisyView, reduction } = this.options;
    const sides = [
      {
        name: "dvrp/masked_kl",
        sign: -1,
        weight: coefficient("dvrp/masked", this.options.masked),
        view: maskedView,
        hint: "list RandomMaskPlugin in the recipe",
      },
      {
        name: "dvrp/noisy_kl",
        sign: 1,
        weight: coefficient("dvrp/noisy", this.options.noisy),
        view: noisyView,
        hint: "list DiffusionNoisePlugin in the recipe",
      },
    ] as const;
    const asked = sides.map((side) => ({
      ...side,
      score: scores.request({ view: side.view, weights: "old", while: side.weight, hint: side.hint }),
    }));
    hooks.terms.tap(this.name, (terms, batch) => {
      const own = asked
        .filter(({ weight }) => weight.value !== 0)
        .map(({ name, sign, weight, score }) => {
          const value = klDivergence("k3", batch.logProbs, batch.get(score)); // [B, T]
          metric(name, maskedMean(value, batch.mask));
          return { name, sign, coefficient: weight, reduction, value };
        });
      return [...terms, ...own];
    });
  }
}

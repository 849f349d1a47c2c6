/** What holds for any set of plugins: laws of the loss, over random subsets. */
import { createRandom, permutation, type Plugin, type Run } from "@papo/core";
import { lossOf, type LossOf } from "@papo/core/testing";
import * as everything from "@papo/plugins";
import { describe, expect, it } from "vitest";
import { raggedMinibatch } from "../support/ragged-minibatch.ts";

/** Terms that do not depend on one another, each with the coefficients that turn it off. */
const terms: readonly { readonly make: () => Plugin; readonly off: readonly string[] }[] = [
  { make: () => new everything.ReferenceKlPlugin(), off: ["reference/beta"] },
  { make: () => new everything.EntropyPenaltyPlugin(), off: ["entropy/eta"] },
  { make: () => new everything.PerceptionKlPlugin({ mode: "paper" }), off: ["papo/gamma"] },
  { make: () => new everything.DoubleEntropyPlugin(), off: ["papo/eta_original", "papo/eta_masked"] },
  { make: () => new everything.DualViewKlPlugin(), off: ["dvrp/masked", "dvrp/noisy"] },
  { make: () => new everything.CorrectSftPlugin(), off: ["sft/coefficient"] },
];

/** What acts on the policy term. */
const weighting: readonly (() => Plugin)[] = [
  () => new everything.TruncatedImportancePlugin(),
  () => new everything.OverlongFilterPlugin(),
  () => new everything.VisualEvidencePlugin(),
];

class OffPlugin implements Plugin {
  readonly name = "OffPlugin";
  readonly #names: readonly string[];

  constructor(names: readonly string[]) {
    this.#names = names;
  }

  apply({ hooks }: Run): void {
    hooks.coefficient.tap(this.name, (value, { name }) => (this.#names.includes(name) ? 0 : value));
  }
}

const seeds = Array.from({ length: 20 }, (_, seed) => seed);
/** A random subset of the terms, and of the weights. */
function drawn(seed: number): { chosen: (typeof terms)[number][]; weights: (() => Plugin)[] } {
  const random = createRandom(seed);
  return {
    chosen: terms.filter((_, index) => random.uniform(index) < 0.6),
    weights: weighting.filter((_, index) => random.uniform(100 + index) < 0.4),
  };
}
const objective = (): Plugin => new everything.ClippedObjectivePlugin();
const numbers = ({ loss, gradients }: LossOf): unknown => ({ loss, gradients });

describe.each(seeds)("subset %i", (seed) => {
  const { chosen, weights } = drawn(seed);
  const recipe = (order: readonly (typeof terms)[number][]): Plugin[] => [
    objective(),
    ...order.map(({ make }) => make()),
    ...weights.map((make) => make()),
  ];

  it("does not depend on the order of independent terms", () => {
    const order = [...permutation(createRandom(seed).key("order"), chosen.length)].map((index) => chosen[index]!);
    expect(numbers(lossOf(recipe(order), raggedMinibatch))).toEqual(numbers(lossOf(recipe(chosen), raggedMinibatch)));
  });

  it("is the same to the bit with a coefficient of 0 as without the plugin", () => {
    for (const { off } of chosen) {
      const without = recipe(chosen.filter((term) => term.off !== off));
      const found = lossOf([...recipe(chosen), new OffPlugin(off)], raggedMinibatch);
      const wanted = lossOf(without, raggedMinibatch);
      for (const view of Object.keys(wanted.gradients)) expect(found.gradients[view]).toEqual(wanted.gradients[view]);
      expect(found.loss).toBe(wanted.loss);
    }
  });

  it("has in the ledger what each term adds to the loss and to the gradient", () => {
    const whole = lossOf(recipe(chosen), raggedMinibatch);
    for (const { make, off } of chosen) {
      const without = lossOf([...recipe(chosen), new OffPlugin(off)], raggedMinibatch);
      const own = Object.values(whole.terms).filter(({ plugin }) => plugin === make().name);
      expect(whole.loss - without.loss).toBeCloseTo(
        own.reduce((sum, { weighted }) => sum + weighted, 0),
        6,
      );
      if (own.length !== 1) continue;
      const difference = Object.keys(whole.gradients).flatMap((view) =>
        Object.keys(whole.gradients[view]!).flatMap((output) =>
          whole.gradients[view]![output]!.flat().map(
            (value, index) => value - (without.gradients[view]?.[output]?.flat()[index] ?? 0),
          ),
        ),
      );
      expect(own[0]!.norm).toBeCloseTo(Math.sqrt(difference.reduce((sum, value) => sum + value * value, 0)), 5);
    }
  });
});

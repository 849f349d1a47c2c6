import { parseOptions } from "@papo/core";
import type { Picture, Plugin, Run, ViewContext } from "@papo/core";
import { z } from "zod";

const schema = z.strictObject({
  /** Name of the view. */
  view: z.string().default("noisy"),
  /** t of 1,000: how far the picture is diffused, before the schedule. */
  strength: z.int().min(0).max(999).meta({ unit: "steps of 1,000" }).default(500),
  /** "constant"; "linear": to 0 at the last step; "sigmoid": NoisyRollout's, which falls around `middle`. */
  schedule: z.enum(["constant", "linear", "sigmoid"]).default("sigmoid"),
  /** Steepness of "sigmoid". */
  steepness: z.number().positive().default(30),
  /** The step at which "sigmoid" has fallen by half. */
  middle: z.number().nonnegative().meta({ unit: "steps" }).default(40),
});

/** ᾱ_t, the share of the picture that is left after t steps of diffusion. */
const KEPT = ((): Float64Array => {
  const kept = new Float64Array(1000);
  let product = 1;
  for (let t = 0; t < kept.length; t++) {
    const beta = (0.5e-2 - 1e-5) / (1 + Math.exp(-(-6 + (12 * t) / 999))) + 1e-5;
    kept[t] = product *= 1 - beta;
  }
  return kept;
})();

/**
 * The view "noisy": √ᾱ_t·x + √(1 − ᾱ_t)·ε on pixels in [0, 1], clamped, t falling over the run (NoisyRollout,
 * arXiv:2504.13055, Eq. 3 and 4; release: image_aug.py). Unlike the release, noise follows from the run's seed; at t =
 * 0 the first step's ᾱ still leaves a trace of it, as there.
 *
 * Metric: the coefficient noise/t is the strength in force.
 */
export class DiffusionNoisePlugin implements Plugin {
  readonly name = "DiffusionNoisePlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ hooks, views, coefficient }: Run): void {
    const level = coefficient("noise/t", this.options.strength);
    hooks.coefficient.tap(this.name, (value, { name, step, steps }) =>
      name === level.name ? Math.floor(value * this.decay(step, steps) + 1e-9) : value,
    );
    views.register({ name: this.options.view, raw: (picture, context) => this.noisy(picture, context, level.value) });
  }

  /** Share of the strength that is left at a step (from 1). */
  decay(step: number, steps: number): number {
    const { schedule, steepness, middle } = this.options;
    if (schedule === "constant") return 1;
    if (schedule === "linear") return 1 - step / steps;
    return 1 - 1 / (1 + Math.exp(-steepness * (step / steps - middle / steps)));
  }

  noisy(picture: Picture, { random }: Pick<ViewContext, "random">, t: number): Picture {
    const kept = KEPT[Math.min(999, Math.max(0, t))]!;
    const [signal, noise] = [Math.sqrt(kept), Math.sqrt(1 - kept)];
    const data = picture.data.map((value, index) => {
      // Box–Muller; the logarithm's argument is above 0.
      const normal =
        Math.sqrt(-2 * Math.log(1 - random.uniform(2 * index))) * Math.cos(2 * Math.PI * random.uniform(2 * index + 1));
      return Math.floor(255 * Math.min(1, Math.max(0, (signal * value) / 255 + noise * normal)));
    });
    return { ...picture, data };
  }
}

import { parseOptions } from "@papo/core";
import type { Plugin, Run } from "@papo/core";
import { z } from "zod";

const schema = z.strictObject({
  /** γ at the first step; null: the perception term's own. */
  from: z.number().nonnegative().nullable().default(null),
  /** γ at the end of the course, and after it. */
  to: z.number().nonnegative().default(0),
  /** Share of the run's steps over which γ moves. */
  over: z.number().gt(0).max(1).default(0.5),
  /** How it moves. The release: "linear". */
  course: z.enum(["linear", "cosine"]).default("linear"),
  /**
   * Both entropies are scaled by γ_t / γ, as the release does: a `from` other than γ rescales them from the first step.
   * false leaves them.
   */
  scaleEntropies: z.boolean().default(true),
});

const ENTROPIES = ["papo/eta_original", "papo/eta_masked"];

/**
 * γ_t = from + (to − from)·min(1, (t − 1) / (over·steps)): the weight of the perception term is annealed (PAPO release:
 * core_algos.py, AnnealingKLController; unused in the published runs). With γ = 0 there is nothing to anneal, and the
 * entropies keep their weights. List it after the plugins of PAPO.
 */
export class PerceptionSchedulePlugin implements Plugin {
  readonly name = "PerceptionSchedulePlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ hooks }: Run): void {
    let [atStep, scale] = [0, 1];
    hooks.coefficient.tap(this.name, (value, { name, step, steps }) => {
      if (name === "papo/gamma") {
        const gamma = this.gammaAt(step, steps, value);
        [atStep, scale] = [step, value === 0 ? 1 : gamma / value];
        return value === 0 ? 0 : gamma;
      }
      if (!this.options.scaleEntropies || !ENTROPIES.includes(name)) return value;
      if (atStep !== step)
        throw new Error(
          `the entropies follow γ, and "${name}" comes before it: list PerceptionKlPlugin before DoubleEntropyPlugin`,
        );
      return value * scale;
    });
  }

  /** γ of a step (from 1) of a run of so many steps. */
  gammaAt(step: number, steps: number, gamma: number): number {
    const { to, over, course } = this.options;
    const from = this.options.from ?? gamma;
    const progress = Math.min(1, (step - 1) / (over * steps));
    return from + (to - from) * (course === "linear" ? progress : (1 - Math.cos(Math.PI * progress)) / 2);
  }
}

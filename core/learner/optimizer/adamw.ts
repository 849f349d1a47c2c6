/** AdamW with gradient clipping, in place. */
import type { Weights } from "../../model/model.ts";
import { type AdamWStep, createAdamWKernel } from "./adamw-kernel.ts";
import type { OptimizerSettings } from "../learner.ts";
import { type Moments, MomentMaker, momentNames } from "./moments.ts";
import type { Optimizer, OptimizerState, StateArray, UpdateReport } from "./optimizer.ts";

export type AdamWSettings = Pick<
  OptimizerSettings,
  "moments" | "beta1" | "beta2" | "epsilon" | "weightDecay" | "maxGradientNorm"
>;

/** What gradients of a common norm are multiplied with; torch's clip_grad_norm_ divides by the norm plus 1e-6. */
export const clipScale = (norm: number, { maxGradientNorm }: AdamWSettings): number =>
  Math.min(1, maxGradientNorm / (norm + 1e-6));

/** The numbers of a parameter's `count`-th update. */
export const stepNumbers = (
  { beta1, beta2, weightDecay }: AdamWSettings,
  count: number,
  learningRate: number,
): Pick<AdamWStep, "stepSize" | "rootCorrection" | "keep"> => ({
  stepSize: learningRate / (1 - beta1 ** count),
  rootCorrection: 1 / Math.sqrt(1 - beta2 ** count),
  keep: 1 - learningRate * weightDecay,
});

/** @throws Error naming the setting that is out of range */
export function checkSettings(settings: AdamWSettings): void {
  for (const [name, beta] of [
    ["beta1", settings.beta1],
    ["beta2", settings.beta2],
  ] as const) {
    if (!(beta >= 0 && beta < 1)) throw new Error(`AdamW: ${name} is ${beta}; it must be at least 0 and below 1`);
  }
  if (!(settings.maxGradientNorm > 0))
    throw new Error(
      `AdamW: maxGradientNorm is ${settings.maxGradientNorm}; it must be above 0 (Infinity: no clipping)`,
    );
}

/** Four sums side by side: one alone waits for each addition before it begins the next. */
function sumOfSquares(values: Float32Array): number {
  let [a, b, c, d] = [0, 0, 0, 0];
  const end = values.length - (values.length % 4);
  for (let i = 0; i < end; i += 4) {
    a += (values[i] as number) * (values[i] as number);
    b += (values[i + 1] as number) * (values[i + 1] as number);
    c += (values[i + 2] as number) * (values[i + 2] as number);
    d += (values[i + 3] as number) * (values[i + 3] as number);
  }
  for (let i = end; i < values.length; i++) a += (values[i] as number) * (values[i] as number);
  return a + b + (c + d);
}

/** L2 norm of all gradients together, summed in double precision. */
export function gradientNorm(gradients: ReadonlyMap<string, Float32Array>): number {
  let squares = 0;
  for (const gradient of gradients.values()) squares += sumOfSquares(gradient);
  return Math.sqrt(squares);
}

/**
 * Adam with decoupled weight decay (arXiv:1711.05101), in the order of torch.optim.AdamW: θ ← θ − lr·λ·θ; m ← β₁m +
 * (1−β₁)g; v ← β₂v + (1−β₂)g²; θ ← θ − lr · m̂ / (√v̂ + ε), with m̂ = m/(1−β₁ᵗ), v̂ = v/(1−β₂ᵗ). Moments are float32,
 * or kept in 8 bits between updates (block-quantization.ts), and made when a parameter is first updated, and t counts
 * that parameter's own updates: a vision tower that text-only batches left alone begins with full steps. Arithmetic is
 * float32, as in torch; the gradients' norm is summed in double precision.
 */
export class AdamW implements Optimizer {
  readonly settings: AdamWSettings;
  #updates = 0;
  readonly #moments = new Map<string, Moments>();
  readonly #maker: MomentMaker;

  constructor(settings: AdamWSettings) {
    checkSettings(settings);
    this.settings = settings;
    this.#maker = new MomentMaker(settings.moments ?? "float32", createAdamWKernel());
  }

  /** Updates done, skipped ones not counted. */
  get updates(): number {
    return this.#updates;
  }

  /**
   * Clips the gradients by their common norm and updates the parameters that have one, in place; the others stay
   * untouched. Gradients are not changed. A norm that is not finite skips the whole update: parameters and moments stay
   * as they were.
   * @param options scale: what gradients are multiplied with, where it is known what they are clipped to
   */
  update(
    parameters: Weights,
    gradients: ReadonlyMap<string, Float32Array>,
    options: { readonly learningRate: number; readonly scale?: number },
  ): UpdateReport {
    const pairs = [...gradients].map(([name, gradient]) => ({
      name,
      gradient,
      parameter: this.#parameter(parameters, name, gradient),
    }));
    const norm = gradientNorm(gradients);
    if (!Number.isFinite(norm)) return { gradientNorm: norm, skipped: true, broken: null };
    const scale = options.scale ?? clipScale(norm, this.settings);
    this.#updates++;
    let broken: string | null = null;
    for (const { name, gradient, parameter } of pairs) {
      const finite = this.#updateOne(
        parameter.data,
        gradient,
        this.#momentsOf(name, parameter.shape, gradient.length),
        scale,
        options.learningRate,
      );
      if (!finite) broken ??= name;
    }
    return { gradientNorm: norm, skipped: false, broken };
  }

  /**
   * Moments as `<parameter>.exp_avg` and `<parameter>.exp_avg_sq`, of 8 bits their `.codes` and `.scales`, and their
   * number of updates as `<parameter>.step`, [1].
   */
  state(): OptimizerState {
    const arrays = new Map<string, StateArray>();
    for (const [name, moments] of this.#moments) {
      for (const [suffix, array] of moments.arrays()) arrays.set(`${name}.${suffix}`, array);
      arrays.set(`${name}.${momentNames.step}`, { shape: [1], data: Float32Array.of(moments.count) });
    }
    return { updates: this.#updates, arrays };
  }

  /**
   * Goes on from what `state` gave, whose arrays are its own from now on. Throws when a moment lacks its counterpart or
   * its count.
   */
  restore({ updates, arrays }: OptimizerState): void {
    const restored = this.#maker.restore(arrays);
    this.#moments.clear();
    for (const [name, moments] of restored) this.#moments.set(name, moments);
    this.#updates = updates;
  }

  #parameter(parameters: Weights, name: string, gradient: Float32Array) {
    const parameter = parameters.get(name);
    if (!parameter) throw new Error(`AdamW: a gradient for "${name}", which is no parameter`);
    if (parameter.data.length !== gradient.length) {
      throw new Error(`AdamW: "${name}" has ${parameter.data.length} elements and its gradient ${gradient.length}`);
    }
    return parameter;
  }

  #momentsOf(name: string, shape: readonly number[], length: number): Moments {
    const known = this.#moments.get(name);
    if (known) return known;
    const made = this.#maker.begin(shape, length);
    this.#moments.set(name, made);
    return made;
  }

  /**
   * Whether every entry is finite afterwards: a second pass over the weights would take a fifth of the update's time.
   */
  #updateOne(
    parameter: Float32Array,
    gradient: Float32Array,
    moments: Moments,
    scale: number,
    learningRate: number,
  ): boolean {
    const { beta1, beta2, epsilon } = this.settings;
    moments.count++;
    return moments.update(parameter, gradient, {
      scale,
      beta1,
      beta2,
      epsilon,
      ...stepNumbers(this.settings, moments.count, learningRate),
    });
  }
}

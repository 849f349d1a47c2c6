/**
 * Muon: momentum whose matrix updates are made orthogonal, on the graph's executor; everything that is no matrix goes
 * to AdamW.
 */
import type { Executor, FloatArray } from "../../graph/executor.ts";
import type { Value } from "../../graph/graph.ts";
import { add, affine, matmul } from "../../graph/ops/index.ts";
import { Programs } from "../../graph/programs.ts";
import { firstNotFinite } from "../../math/first-not-finite.ts";
import type { Weights } from "../../model/model.ts";
import { AdamW, type AdamWSettings, clipScale, gradientNorm } from "./adamw.ts";
import { floatArray, type Optimizer, type OptimizerState, type UpdateReport } from "./optimizer.ts";

/** Coefficients of the quintic iteration, and its number of steps (Jordan et al., 2024, "Muon"). */
const coefficients = [3.4445, -4.775, 2.0315] as const;
const iterations = 5;
export const momentum = 0.95;
/** Added to a matrix's norm before it is divided by it. */
export const normEpsilon = 1e-7;
/** What a saved state calls a matrix's average. */
export const momentumName = "momentum";
const suffix = `.${momentumName}`;

/** lr · 0.2 · √max(rows, columns). */
export const muonStep = (shape: readonly number[], learningRate: number): number =>
  learningRate * 0.2 * Math.sqrt(Math.max(...shape));

/**
 * B ← μB + (1−μ)g; u = orthogonalise(μB + (1−μ)g), Nesterov; θ ← θ(1 − lr·λ) − lr·0.2·√max(rows, columns)·u, so that an
 * update's root mean square is that of AdamW and one learning rate serves both (arXiv:2502.16982). Gradients are
 * clipped by their common norm first.
 */
export class Muon implements Optimizer {
  readonly #settings: AdamWSettings;
  readonly #rest: AdamW;
  readonly #isMatrix: (name: string) => boolean;
  readonly #momenta = new Map<string, { readonly shape: readonly number[]; readonly data: Float32Array }>();
  readonly #programs: Programs;

  /**
   * @param isMatrix which parameters are updated as matrices: hidden layers' weights, not embeddings, heads or
   * convolutions.
   */
  constructor(settings: AdamWSettings, executor: Executor, isMatrix: (name: string) => boolean) {
    this.#settings = settings;
    this.#programs = new Programs(executor);
    this.#isMatrix = isMatrix;
    this.#rest = new AdamW({ ...settings, maxGradientNorm: Infinity });
  }

  async update(
    parameters: Weights,
    gradients: ReadonlyMap<string, Float32Array>,
    { learningRate }: { readonly learningRate: number },
  ): Promise<UpdateReport> {
    const norm = gradientNorm(gradients);
    if (!Number.isFinite(norm)) return { gradientNorm: norm, skipped: true, broken: null };
    const scale = clipScale(norm, this.#settings);
    const rest = new Map([...gradients].filter(([name]) => !this.#isMatrix(name)));
    let { broken } = this.#rest.update(parameters, rest, { learningRate, scale });
    for (const [name, gradient] of gradients) {
      if (!this.#isMatrix(name)) continue;
      const parameter = parameters.get(name);
      if (!parameter) throw new Error(`Muon: a gradient for "${name}", which is no parameter`);
      await this.#updateMatrix(
        name,
        parameter,
        gradient.map((value) => value * scale),
        learningRate,
      );
      if (firstNotFinite(parameter.data) >= 0) broken ??= name;
    }
    return { gradientNorm: norm, skipped: false, broken };
  }

  state(): OptimizerState {
    const { updates, arrays } = this.#rest.state();
    return {
      updates,
      arrays: new Map([...arrays, ...[...this.#momenta].map(([name, array]) => [name + suffix, array] as const)]),
    };
  }

  restore({ updates, arrays }: OptimizerState): void {
    const momenta = [...arrays].flatMap(([name, saved]) => {
      const array = name.endsWith(suffix) ? floatArray(saved) : undefined;
      return array === undefined ? [] : [[name, array] as const];
    });
    this.#rest.restore({ updates, arrays: new Map([...arrays].filter(([name]) => !name.endsWith(suffix))) });
    this.#momenta.clear();
    for (const [name, { shape, data }] of momenta) this.#momenta.set(name.slice(0, -suffix.length), { shape, data });
  }

  /** Release the compiled iterations. */
  async release(): Promise<void> {
    await this.#programs.release();
  }

  async #updateMatrix(
    name: string,
    { shape, data }: { readonly shape: readonly number[]; readonly data: Float32Array },
    gradient: Float32Array,
    learningRate: number,
  ): Promise<void> {
    const [rows = 1, columns = 1] = shape;
    const kept = this.#momenta.get(name) ?? { shape, data: new Float32Array(data.length) };
    this.#momenta.set(name, kept);
    const nesterov = gradient.map((g, i) => {
      const average = momentum * (kept.data[i] as number) + (1 - momentum) * g;
      kept.data[i] = average;
      return momentum * average + (1 - momentum) * g;
    });
    const direction = await this.#orthogonalise(nesterov, rows, columns);
    const keep = 1 - learningRate * this.#settings.weightDecay;
    const step = muonStep(shape, learningRate);
    for (let i = 0; i < data.length; i++) data[i] = (data[i] as number) * keep - step * (direction[i] as number);
  }

  /** The nearest matrix with singular values about 1, by Newton–Schulz iterations. */
  async #orthogonalise(matrix: Float32Array, rows: number, columns: number): Promise<Float32Array> {
    const norm = gradientNorm(new Map([["", matrix]])) + normEpsilon;
    const program = await this.#programs.get(`${rows} × ${columns}`, (graph) =>
      graph.output("out", orthogonalised(graph.input("matrix", [rows, columns]))),
    );
    const { out } = await program.run({
      matrix: { shape: [rows, columns], data: matrix.map((value) => value / norm) },
    });
    return (out as FloatArray).data;
  }
}

/** X ← aX + (bA + cA²)X with A = XXᵀ, on the side where A is smaller; of a matrix with norm 1. */
export function orthogonalised(matrix: Value): Value {
  const [a, b, c] = coefficients;
  const [rows, columns] = matrix.shape as [number, number];
  const wide = rows <= columns;
  let x = matrix;
  for (let i = 0; i < iterations; i++) {
    const square = wide ? matmul(x, x, { transposeB: true }) : matmul(x, x, { transposeA: true });
    const polynomial = add(affine(square, b), matmul(square, square, { scale: c }));
    x = add(affine(x, a), wide ? matmul(polynomial, x) : matmul(x, polynomial));
  }
  return x;
}

/** AdamW and Muon as graphs, on weights, gradients and moments that stay on an executor's device. Numbers cross to the host, arrays do not. */
import type { Device, DeviceArray, Executor, FloatArray } from "../graph/executor.ts";
import type { Graph, Value } from "../graph/graph.ts";
import { add, affine, concat, div, mul, reshape, sqrt, sub, sum } from "../graph/ops/index.ts";
import { Programs } from "../graph/programs.ts";
import { type AdamWSettings, checkSettings, clipScale, momentNames, stepNumbers } from "./adamw.ts";
import { momentum, momentumName, muonStep, normEpsilon, orthogonalised } from "./muon.ts";
import type { OptimizerState, UpdateReport } from "./optimizer.ts";

/** Arrays on the device by parameter. */
export type DeviceArrays = ReadonlyMap<string, DeviceArray>;

/** Weights on the device. */
export interface DeviceWeights {
  onDevice(parameter: string): DeviceArray;
  /** Take a new value, and free the old one. */
  replaceOnDevice(parameter: string, array: DeviceArray): void;
}

/** What is kept of a parameter between updates. */
interface Kept {
  readonly shape: readonly number[];
  /** Arrays of the parameter's shape, by suffix: "exp_avg". */
  readonly arrays: Map<string, DeviceArray>;
  /** Updates it has seen. */
  count: number;
}

/** How one parameter is updated. */
interface UpdateRule {
  readonly name: string;
  /** Suffixes of the arrays that it keeps, as a saved state names them. */
  readonly keeps: readonly string[];
  /** Numbers of one update, fed as [1] by name. */
  numbers(shape: readonly number[], count: number, learningRate: number): Readonly<Record<string, number>>;
  /** The new parameter, and the kept arrays' new values in order, from the old ones and the gradient, clipped. */
  trace(now: { readonly parameter: Value; readonly gradient: Value; readonly kept: readonly Value[]; readonly number: (name: string) => Value }): readonly [parameter: Value, kept: readonly Value[]];
}

export class DeviceOptimizer {
  readonly #settings: AdamWSettings;
  readonly #device: Device;
  readonly #programs: Programs;
  readonly #ruleOf: (parameter: string) => UpdateRule;
  readonly #kept = new Map<string, Kept>();
  #updates = 0;

  /** @param isMatrix which parameters are Muon's; all others are AdamW's. @throws Error when the executor has no device */
  constructor(settings: AdamWSettings, executor: Executor, isMatrix: (parameter: string) => boolean) {
    if (executor.device === undefined) throw new Error(`${executor.name} has no device to keep moments on`);
    checkSettings(settings);
    this.#settings = settings;
    this.#device = executor.device;
    this.#programs = new Programs(executor);
    const [adamw, muon] = [adamwRule(settings), muonRule(settings)];
    this.#ruleOf = (parameter) => (isMatrix(parameter) ? muon : adamw);
  }

  /** As Optimizer.update. Sums of squares are float32, added up in double precision. */
  async update(weights: DeviceWeights, gradients: DeviceArrays, { learningRate }: { readonly learningRate: number }): Promise<UpdateReport> {
    const squares = await this.#perParameter(gradients, "squares", (x) => sum(mul(x, x), axesOf(x)));
    const norm = Math.sqrt([...squares.values()].reduce((total, square) => total + square, 0));
    if (!Number.isFinite(norm)) return { gradientNorm: norm, skipped: true, broken: null };
    const scale = clipScale(norm, this.#settings);
    this.#updates++;
    for (const [name, gradient] of gradients) weights.replaceOnDevice(name, await this.#updateOne(name, weights.onDevice(name), gradient, scale, learningRate));
    // 0 · x is NaN where x is not finite.
    const sound = await this.#perParameter(new Map([...gradients.keys()].map((name) => [name, weights.onDevice(name)])), "sound", (x) => sum(affine(x, 0), axesOf(x)));
    return { gradientNorm: norm, skipped: false, broken: [...sound].find(([, total]) => total !== 0)?.[0] ?? null };
  }

  /** a + b, a new array. */
  async sum(a: DeviceArray, b: DeviceArray): Promise<DeviceArray> {
    const { shape } = a;
    const { total } = await this.#programs.runOnDevice(`sum ${shape.join(",")}`, (graph) => graph.output("total", add(graph.input("a", shape), graph.input("b", shape))), { a, b });
    return total as DeviceArray;
  }

  /** The state as it is now, fetched; the same names as those of the host's optimizers. */
  state(): OptimizerState {
    const arrays = new Map<string, FloatArray>();
    for (const [name, { shape, arrays: kept, count }] of this.#kept) {
      for (const [suffix, array] of kept) arrays.set(`${name}.${suffix}`, { shape, data: this.#device.get(array) });
      if (this.#ruleOf(name).name === "adamw") arrays.set(`${name}.${momentNames.step}`, { shape: [1], data: Float32Array.of(count) });
    }
    return { updates: this.#updates, arrays };
  }

  restore({ updates, arrays }: OptimizerState): void {
    this.#freeKept();
    const names = new Set([...arrays.keys()].map((key) => key.slice(0, key.lastIndexOf("."))));
    for (const name of names) {
      const rule = this.#ruleOf(name);
      const saved = rule.keeps.map((suffix) => arrays.get(`${name}.${suffix}`));
      const count = rule.name === "adamw" ? arrays.get(`${name}.${momentNames.step}`)?.data[0] : 0;
      if (saved.some((array) => array === undefined) || count === undefined) throw new Error(`the saved optimizer state of "${name}" is incomplete: ${rule.name} keeps ${rule.keeps.join(", ")}`);
      this.#kept.set(name, { shape: saved[0]!.shape, arrays: new Map(rule.keeps.map((suffix, i) => [suffix, this.#device.put(saved[i]!)])), count });
    }
    this.#updates = updates;
  }

  async release(): Promise<void> {
    this.#freeKept();
    await this.#programs.release();
  }

  async #updateOne(name: string, parameter: DeviceArray, gradient: DeviceArray, scale: number, learningRate: number): Promise<DeviceArray> {
    const { shape } = parameter;
    const rule = this.#ruleOf(name);
    const kept = this.#kept.get(name) ?? this.#begin(name, shape, rule);
    kept.count++;
    const numbers = { scale, ...rule.numbers(shape, kept.count, learningRate) };
    const fed = Object.fromEntries(Object.entries(numbers).map(([number, value]) => [number, { shape: [1], data: Float32Array.of(value) }]));
    const { parameter: updated, ...arrays } = await this.#programs.runOnDevice(`${rule.name} ${shape.join(",")}`, (graph) => {
      const number = (key: string): Value => graph.inputs.get(key) ?? graph.input(key, [1]);
      const clipped = mul(graph.input("gradient", shape), number("scale"));
      const [next, keeps] = rule.trace({ parameter: graph.input("parameter", shape), gradient: clipped, kept: rule.keeps.map((suffix) => graph.input(suffix, shape)), number });
      graph.output("parameter", next);
      rule.keeps.forEach((suffix, i) => graph.output(suffix, keeps[i] as Value));
    }, { ...fed, parameter, gradient, ...Object.fromEntries(kept.arrays) });
    for (const suffix of rule.keeps) {
      this.#device.free(kept.arrays.get(suffix) as DeviceArray);
      kept.arrays.set(suffix, arrays[suffix] as DeviceArray);
    }
    return updated as DeviceArray;
  }

  #begin(name: string, shape: readonly number[], { keeps }: UpdateRule): Kept {
    const zeros = (): DeviceArray => this.#device.put({ shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)) });
    const kept = { shape, arrays: new Map(keeps.map((suffix) => [suffix, zeros()])), count: 0 };
    this.#kept.set(name, kept);
    return kept;
  }

  /** One number of each array, all fetched at once. */
  async #perParameter(arrays: DeviceArrays, what: string, reduce: (x: Value) => Value): Promise<Map<string, number>> {
    const names = [...arrays.keys()];
    const key = `${what} ${names.map((name) => `${name}:${arrays.get(name)?.shape.join(",")}`).join(" ")}`;
    const trace = (graph: Graph): void => {
      graph.output("numbers", concat(names.map((name) => reshape(reduce(graph.input(name, (arrays.get(name) as DeviceArray).shape)), [1])), 0));
    };
    const { numbers } = await this.#programs.runOnDevice(key, trace, Object.fromEntries(arrays));
    const fetched = this.#device.get(numbers as DeviceArray);
    this.#device.free(numbers as DeviceArray);
    return new Map(names.map((name, i) => [name, fetched[i] as number]));
  }

  #freeKept(): void {
    for (const { arrays } of this.#kept.values()) for (const array of arrays.values()) this.#device.free(array);
    this.#kept.clear();
  }
}

/** See AdamW for the formula and its source. */
const adamwRule = (settings: AdamWSettings): UpdateRule => ({
  name: "adamw",
  keeps: [momentNames.first, momentNames.second],
  numbers: (_, count, learningRate) => ({ ...stepNumbers(settings, count, learningRate) }),
  trace: ({ parameter, gradient, kept: [first, second], number }) => {
    const { beta1, beta2, epsilon } = settings;
    const m = add(affine(first as Value, beta1), affine(gradient, 1 - beta1));
    const v = add(affine(second as Value, beta2), mul(affine(gradient, 1 - beta2), gradient));
    const root = affine(mul(sqrt(v), number("rootCorrection")), 1, epsilon);
    return [sub(mul(parameter, number("keep")), mul(number("stepSize"), div(m, root))), [m, v]];
  },
});

/** See Muon for the formula and its source. */
const muonRule = ({ weightDecay }: AdamWSettings): UpdateRule => ({
  name: "muon",
  keeps: [momentumName],
  numbers: (shape, _, learningRate) => ({ step: muonStep(shape, learningRate), keep: 1 - learningRate * weightDecay }),
  trace: ({ parameter, gradient, kept: [average], number }) => {
    const moved = add(affine(average as Value, momentum), affine(gradient, 1 - momentum));
    const nesterov = add(affine(moved, momentum), affine(gradient, 1 - momentum));
    const norm = affine(sqrt(sum(mul(nesterov, nesterov), [0, 1])), 1, normEpsilon);
    return [sub(mul(parameter, number("keep")), mul(orthogonalised(div(nesterov, norm)), number("step"))), [moved]];
  },
});

const axesOf = ({ shape }: Value): number[] => shape.map((_, axis) => axis);

/**
 * AdamW and Muon as graphs, on weights, gradients and moments that stay on an executor's device. Numbers cross to the
 * host, arrays do not.
 */
import {
  type Device,
  type DeviceArray,
  type Executor,
  type Feed,
  type FloatArray,
  zerosOn,
} from "../../graph/executor.ts";
import type { Graph, Value } from "../../graph/graph.ts";
import { add, affine, concat, div, mul, reshape, sqrt, sub, sum } from "../../graph/ops/index.ts";
import { Programs } from "../../graph/programs.ts";
import { type AdamWSettings, checkSettings, clipScale, stepNumbers } from "./adamw.ts";
import { momentNames } from "./moments.ts";
import { momentum, momentumName, muonStep, normEpsilon, orthogonalised } from "./muon.ts";
import { floatArray, type OptimizerState, type UpdateReport } from "./optimizer.ts";

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
  trace(now: {
    readonly parameter: Value;
    readonly gradient: Value;
    readonly kept: readonly Value[];
    readonly number: (name: string) => Value;
  }): readonly [parameter: Value, kept: readonly Value[]];
}

export class DeviceOptimizer {
  readonly #settings: AdamWSettings;
  readonly #device: Device;
  readonly #programs: Programs;
  readonly #ruleOf: (parameter: string) => UpdateRule;
  readonly #kept = new Map<string, Kept>();
  #updates = 0;

  /**
   * @param isMatrix which parameters are Muon's; all others are AdamW's.
   * @throws Error when the executor has no device
   */
  constructor(settings: AdamWSettings, executor: Executor, isMatrix: (parameter: string) => boolean) {
    if (executor.device === undefined) throw new Error(`${executor.name} has no device to keep moments on`);
    if (settings.moments === "8bit")
      throw new Error(
        `optimizer.moments "8bit" is for optimizers on the host: ${executor.name} keeps moments on its device, in float32; leave the setting out, or use the executor "onnxruntime"`,
      );
    checkSettings(settings);
    this.#settings = settings;
    this.#device = executor.device;
    this.#programs = new Programs(executor);
    const [adamw, muon] = [adamwRule(settings), muonRule(settings)];
    this.#ruleOf = (parameter) => (isMatrix(parameter) ? muon : adamw);
  }

  /**
   * As Optimizer.update; a layer's parameters are one program's, so that layers share it. Sums of squares are float32,
   * added up in double precision.
   */
  async update(
    weights: DeviceWeights,
    gradients: DeviceArrays,
    { learningRate }: { readonly learningRate: number },
  ): Promise<UpdateReport> {
    const squares: DeviceArray[] = [];
    for (const names of byLayer([...gradients.keys()]))
      squares.push(await this.#squares(names.map((name) => gradients.get(name) as DeviceArray)));
    const norm = Math.sqrt(squares.flatMap((array) => this.#fetch(array)).reduce((total, square) => total + square, 0));
    if (!Number.isFinite(norm)) return { gradientNorm: norm, skipped: true, broken: null };
    const scale = clipScale(norm, this.#settings);
    this.#updates++;
    const groups = byLayer([...gradients.keys()]).flatMap((names) => this.#byRule(names, gradients));
    const sound: DeviceArray[] = [];
    for (const names of groups) sound.push(await this.#updateGroup(names, weights, gradients, scale, learningRate));
    const broken = sound.map((array) => this.#fetch(array).findIndex((number) => number !== 0));
    const first = broken.findIndex((place) => place >= 0);
    return { gradientNorm: norm, skipped: false, broken: groups[first]?.[broken[first] as number] ?? null };
  }

  /** a + b, a new array. */
  async sum(a: DeviceArray, b: DeviceArray): Promise<DeviceArray> {
    const { shape } = a;
    const { total } = await this.#programs.runOnDevice(
      `sum ${shape.join(",")}`,
      (graph) => graph.output("total", add(graph.input("a", shape), graph.input("b", shape))),
      { a, b },
    );
    return total as DeviceArray;
  }

  /** The state as it is now, fetched; the same names as those of the host's optimizers. */
  state(): OptimizerState {
    const arrays = new Map<string, FloatArray>();
    for (const [name, { shape, arrays: kept, count }] of this.#kept) {
      for (const [suffix, array] of kept) arrays.set(`${name}.${suffix}`, { shape, data: this.#device.get(array) });
      if (this.#ruleOf(name).name === "adamw")
        arrays.set(`${name}.${momentNames.step}`, { shape: [1], data: Float32Array.of(count) });
    }
    return { updates: this.#updates, arrays };
  }

  restore({ updates, arrays }: OptimizerState): void {
    this.#freeKept();
    const names = new Set([...arrays.keys()].map((key) => key.slice(0, key.lastIndexOf("."))));
    for (const name of names) {
      const rule = this.#ruleOf(name);
      const saved = rule.keeps.map((suffix) => floatArray(arrays.get(`${name}.${suffix}`)));
      const count = rule.name === "adamw" ? arrays.get(`${name}.${momentNames.step}`)?.data[0] : 0;
      if (saved.some((array) => array === undefined) || count === undefined)
        throw new Error(
          `the saved optimizer state of "${name}" is incomplete: ${rule.name} keeps ${rule.keeps.join(", ")}`,
        );
      this.#kept.set(name, {
        shape: saved[0]!.shape,
        arrays: new Map(rule.keeps.map((suffix, i) => [suffix, this.#device.put(saved[i]!)])),
        count,
      });
    }
    this.#updates = updates;
  }

  async release(): Promise<void> {
    this.#freeKept();
    await this.#programs.release();
  }

  /** Σ g² of each, [arrays]. */
  async #squares(arrays: readonly DeviceArray[]): Promise<DeviceArray> {
    const { squares } = await this.#programs.runOnDevice(
      `squares ${shapesOf(arrays)}`,
      (graph) => {
        const each = arrays.map(({ shape }, i) => graph.input(String(i), shape));
        graph.output("squares", numbers(each.map((x) => sum(mul(x, x), axesOf(x)))));
      },
      Object.fromEntries(arrays.map((array, i) => [i, array])),
    );
    return squares as DeviceArray;
  }

  /** Parameters that are updated with equal numbers. */
  #byRule(names: readonly string[], gradients: DeviceArrays): string[][] {
    const groups = new Map<string, string[]>();
    for (const name of names) {
      const { shape } = gradients.get(name) as DeviceArray;
      const rule = this.#ruleOf(name);
      const key = `${rule.name} ${JSON.stringify(rule.numbers(shape, (this.#kept.get(name)?.count ?? 0) + 1, 1))}`;
      groups.set(key, [...(groups.get(key) ?? []), name]);
    }
    return [...groups.values()];
  }

  /** Update parameters of one rule and equal numbers; returns of each 0, or NaN where a new value is not finite. */
  async #updateGroup(
    names: readonly string[],
    weights: DeviceWeights,
    gradients: DeviceArrays,
    scale: number,
    learningRate: number,
  ): Promise<DeviceArray> {
    const rule = this.#ruleOf(names[0] as string);
    const parameters = names.map((name) => weights.onDevice(name));
    const kept = names.map(
      (name, i) => this.#kept.get(name) ?? this.#begin(name, (parameters[i] as DeviceArray).shape, rule),
    );
    for (const state of kept) state.count++;
    const numbersFed = { scale, ...rule.numbers(kept[0]!.shape, kept[0]!.count, learningRate) };
    const feeds: Record<string, Feed> = Object.fromEntries(
      Object.entries(numbersFed).map(([name, value]) => [name, { shape: [1], data: Float32Array.of(value) }]),
    );
    names.forEach((name, i) => {
      feeds[`parameter ${i}`] = parameters[i] as DeviceArray;
      feeds[`gradient ${i}`] = gradients.get(name) as DeviceArray;
      for (const [suffix, array] of kept[i]!.arrays) feeds[`${suffix} ${i}`] = array;
    });
    const replaced = Object.fromEntries(
      names.flatMap((_, i) => ["parameter", ...rule.keeps].map((what) => [`new ${what} ${i}`, `${what} ${i}`])),
    );
    const key = `${rule.name} ${shapesOf(parameters)}`;
    const updated = await this.#programs.runOnDevice(key, (graph) => traceUpdate(graph, rule, parameters), feeds, {
      replaced,
    });
    names.forEach((name, i) => {
      weights.replaceOnDevice(name, updated[`new parameter ${i}`] as DeviceArray);
      for (const suffix of rule.keeps) {
        this.#device.free(kept[i]!.arrays.get(suffix) as DeviceArray);
        kept[i]!.arrays.set(suffix, updated[`new ${suffix} ${i}`] as DeviceArray);
      }
    });
    return updated["sound"] as DeviceArray;
  }

  #begin(name: string, shape: readonly number[], { keeps }: UpdateRule): Kept {
    const kept = { shape, arrays: new Map(keeps.map((suffix) => [suffix, zerosOn(this.#device, shape)])), count: 0 };
    this.#kept.set(name, kept);
    return kept;
  }

  /** A few numbers, which are then freed there. */
  #fetch(array: DeviceArray): number[] {
    const fetched = [...this.#device.get(array)];
    this.#device.free(array);
    return fetched;
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

/** Parameters of a layer ("….layers.3.…"), one list a layer, and what belongs to none each in a list of its own. */
function byLayer(names: readonly string[]): string[][] {
  const lists = new Map<string, string[]>();
  for (const name of names) {
    const layer = /^.*?\.\d+\./.exec(name)?.[0] ?? name;
    lists.set(layer, [...(lists.get(layer) ?? []), name]);
  }
  return [...lists.values()];
}

/** The update of parameters of one rule: of each "new parameter i" and what is kept of it, and "sound" [parameters]. */
function traceUpdate(graph: Graph, rule: UpdateRule, parameters: readonly DeviceArray[]): void {
  const number = (key: string): Value => graph.inputs.get(key) ?? graph.input(key, [1]);
  const sound = parameters.map(({ shape }, i) => {
    const array = (what: string): Value => graph.input(`${what} ${i}`, shape);
    const clipped = mul(array("gradient"), number("scale"));
    const [next, keeps] = rule.trace({
      parameter: array("parameter"),
      gradient: clipped,
      kept: rule.keeps.map(array),
      number,
    });
    graph.output(`new parameter ${i}`, next);
    rule.keeps.forEach((suffix, k) => graph.output(`new ${suffix} ${i}`, keeps[k] as Value));
    // 0 · x is NaN where x is not finite.
    return sum(affine(next, 0), axesOf(next));
  });
  graph.output("sound", numbers(sound));
}

const numbers = (each: readonly Value[]): Value =>
  concat(
    each.map((value) => reshape(value, [1])),
    0,
  );

const shapesOf = (arrays: readonly DeviceArray[]): string => arrays.map(({ shape }) => shape.join(",")).join(" ");

const axesOf = ({ shape }: Value): number[] => shape.map((_, axis) => axis);

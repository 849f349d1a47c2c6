/**
 * The gradient that passes back add up, and what updates the weights with it: on the host, or where the executor
 * computes.
 */
import { type Device, type DeviceArray, type FloatArray, type HostArray, zerosOn } from "../../graph/executor.ts";
import { currentWeights } from "../../model/weight-sets.ts";
import { type ModelProgram, type ModelRuntime } from "../../model/runtime.ts";
import { AdamW } from "./adamw.ts";
import { DeviceOptimizer } from "./device-optimizer.ts";
import { GradientArrays } from "./gradient-arrays.ts";
import { gradientOf } from "../passes/learner-graphs.ts";
import type { OptimizerSettings } from "../learner.ts";
import { Muon } from "./muon.ts";
import type { Optimizer, OptimizerState, UpdateReport } from "./optimizer.ts";

export interface TrainingState {
  /**
   * Whether `backward` wants a program that adds this output to an array instead of returning it (see
   * CompileOptions.sums).
   */
  addsUp(output: string): boolean;
  /**
   * Run a pass back, or one on each device at once: gradients of parameters are added to those before, all other
   * outputs are returned.
   * @param own feeds of each pass
   */
  backward(
    program: ModelProgram,
    own: readonly Readonly<Record<string, HostArray>>[],
  ): Promise<Record<string, FloatArray>[]>;
  /** The gradient added up since the last update, by parameter; not to be written into. */
  gradients(): ReadonlyMap<string, Float32Array>;
  /** Update the current weights and begin a new gradient. */
  update(options: { readonly learningRate: number }): Promise<UpdateReport>;
  state(): OptimizerState;
  /** Go on from what `state` gave, with no gradient. */
  restore(state: OptimizerState): void;
  release(): Promise<void>;
}

/** Where the executor has a device, weights, gradient and moments stay there. */
export function createTrainingState(
  runtime: ModelRuntime,
  settings: OptimizerSettings,
  handsBack: boolean,
): TrainingState {
  const { device } = runtime.executor;
  return device === undefined
    ? new HostState(runtime, settings, handsBack)
    : new DeviceState(runtime, device, settings);
}

/** Muon's matrices are those that map hidden states to hidden states: two axes, and neither embedding nor head. */
const matrixTest =
  ({ matrices }: OptimizerSettings, { model }: ModelRuntime) =>
  (name: string): boolean =>
    matrices === "muon" && model.parameters.get(name)?.length === 2 && !/embed|lm_head/.test(name);

/**
 * The parameter whose gradient an output is; null for other outputs, the gradient of the visual features among them.
 */
function parameterOf(output: string, { parameters }: ModelRuntime): string | null {
  const input = gradientOf(output);
  return input !== null && parameters.has(input) ? input : null;
}

class HostState implements TrainingState {
  readonly #runtime: ModelRuntime;
  readonly #optimizer: Optimizer;
  readonly #gradients = new Map<string, Float32Array>();
  /** Made with the first of them. */
  #arrays: GradientArrays | null = null;
  readonly #handsBack: boolean;

  constructor(runtime: ModelRuntime, settings: OptimizerSettings, handsBack: boolean) {
    this.#runtime = runtime;
    this.#handsBack = handsBack;
    this.#optimizer =
      settings.matrices === "muon"
        ? new Muon(settings, runtime.executor, matrixTest(settings, runtime))
        : new AdamW(settings);
  }

  addsUp(output: string): boolean {
    return parameterOf(output, this.#runtime) !== null;
  }

  async backward(
    program: ModelProgram,
    [feeds = {}]: readonly Readonly<Record<string, HostArray>>[],
  ): Promise<Record<string, FloatArray>[]> {
    const sums = Object.fromEntries(program.sums.map((output) => [output, this.#sum(gradientOf(output) as string)]));
    return [await this.#runtime.run(program, feeds, currentWeights, sums)];
  }

  gradients(): ReadonlyMap<string, Float32Array> {
    return this.#gradients;
  }

  async update(options: { readonly learningRate: number }): Promise<UpdateReport> {
    const report = await this.#optimizer.update(this.#runtime.trained(), this.#gradients, options);
    this.#clear();
    return report;
  }

  state(): OptimizerState {
    return this.#optimizer.state();
  }

  restore(state: OptimizerState): void {
    this.#optimizer.restore(state);
    this.#clear();
  }

  async release(): Promise<void> {
    await this.#optimizer.release?.();
  }

  /** Where a parameter's gradient is added up: zeros before the first pass after an update. */
  #sum(name: string): FloatArray {
    const { shape } = this.#runtime.trained().get(name) as FloatArray;
    const data = this.#allArrays.get(name);
    this.#gradients.set(name, data);
    return { shape, data };
  }

  get #allArrays(): GradientArrays {
    return (this.#arrays ??= new GradientArrays(
      new Map([...this.#runtime.trained()].map(([name, { data }]) => [name, data.length])),
      this.#handsBack,
    ));
  }

  #clear(): void {
    this.#arrays?.clear();
    this.#gradients.clear();
  }
}

class DeviceState implements TrainingState {
  readonly #runtime: ModelRuntime;
  readonly #device: Device;
  readonly #optimizer: DeviceOptimizer;
  readonly #gradients = new Map<string, DeviceArray>();

  constructor(runtime: ModelRuntime, device: Device, settings: OptimizerSettings) {
    this.#runtime = runtime;
    this.#device = device;
    this.#optimizer = new DeviceOptimizer(settings, runtime.executor, matrixTest(settings, runtime));
  }

  addsUp(output: string): boolean {
    return this.#runtime.executor.writesOver === true && parameterOf(output, this.#runtime) !== null;
  }

  async backward(
    program: ModelProgram,
    own: readonly Readonly<Record<string, HostArray>>[],
  ): Promise<Record<string, FloatArray>[]> {
    const sums = Object.fromEntries(program.sums.map((output) => [output, this.#sum(gradientOf(output) as string)]));
    const [feeds = {}] = own;
    if (own.length === 1) return [await this.#backwardOnce(program, feeds, sums)];
    const computed = await this.#runtime.runAllOnEach(program, own, sums);
    for (const [output, array] of Object.entries(computed.sums))
      this.#gradients.set(gradientOf(output) as string, array);
    return computed.own;
  }

  async #backwardOnce(
    program: ModelProgram,
    feeds: Readonly<Record<string, HostArray>>,
    sums: Readonly<Record<string, DeviceArray>>,
  ): Promise<Record<string, FloatArray>> {
    const others: Record<string, FloatArray> = {};
    for (const [output, array] of Object.entries(await this.#runtime.runOnDevice(program, feeds, sums))) {
      const name = parameterOf(output, this.#runtime);
      if (output in sums) {
        this.#gradients.set(name as string, array);
      } else if (name !== null) {
        await this.#add(name, array);
      } else {
        others[output] = { shape: array.shape, data: this.#device.get(array) };
        this.#device.free(array);
      }
    }
    return others;
  }

  gradients(): ReadonlyMap<string, Float32Array> {
    return new Map([...this.#gradients].map(([name, array]) => [name, this.#device.get(array)]));
  }

  async update(options: { readonly learningRate: number }): Promise<UpdateReport> {
    const report = await this.#optimizer.update(this.#runtime, this.#gradients, options);
    this.#clear();
    return report;
  }

  state(): OptimizerState {
    return this.#optimizer.state();
  }

  restore(state: OptimizerState): void {
    this.#optimizer.restore(state);
    this.#clear();
  }

  async release(): Promise<void> {
    this.#clear();
    await this.#optimizer.release();
  }

  /**
   * Where a parameter's gradient is added up, to be taken over by the program that does: zeros before the first pass
   * after an update.
   */
  #sum(name: string): DeviceArray {
    const sum =
      this.#gradients.get(name) ?? zerosOn(this.#device, this.#runtime.parameters.get(name) as readonly number[]);
    this.#gradients.delete(name);
    return sum;
  }

  async #add(name: string, more: DeviceArray): Promise<void> {
    const sum = this.#gradients.get(name);
    this.#gradients.set(name, sum === undefined ? more : await this.#optimizer.sum(sum, more));
    for (const old of sum === undefined ? [] : [sum, more]) this.#device.free(old);
  }

  #clear(): void {
    for (const array of this.#gradients.values()) this.#device.free(array);
    this.#gradients.clear();
  }
}

/** Add an array to what is there under a name; the first is taken as it is. */
export function accumulate(into: Map<string, Float32Array>, name: string, more: Float32Array): void {
  const sum = into.get(name);
  if (!sum) into.set(name, more);
  else for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (more[i] as number);
}

/** A model with its weights on an executor: what learner and sampler share. */
import {
  type DeviceArray,
  type Executor,
  type Feeds,
  type FileArray,
  type FileType,
  type FloatArray,
  type HostArray,
  type Loop,
  type LoopOptions,
  type Prepared,
  type Products,
  type Program,
  runOnDevice,
  isFileArray,
} from "../graph/executor.ts";
import { allPasses, type Passes } from "../graph/passes.ts";
import { FileWeight } from "./files/file-weight.ts";
import { type Adapter, adapterShapes, dropoutKey, dropoutKeyName } from "./lora/adapter.ts";
import type { VisionLanguageModel, Weights } from "./model.ts";
import { type TracedModel, traceModel, type TraceModel } from "./trace.ts";
import { type PictureProgram, PictureFeatures } from "./pictures.ts";
import { currentWeights, type InitialWeights, WeightSets } from "./weight-sets.ts";

/** A traced program; parameters it reads are fed from a set of weights. */
export interface ModelProgram {
  readonly program: Program;
  /** Names of the parameters that are inputs. */
  readonly parameters: readonly string[];
  /** Outputs that are added to arrays given to `run`. */
  readonly sums: readonly string[];
}

/** A traced loop. */
export interface ModelLoop {
  readonly loop: Loop;
  /** What rounds read that does not change: the current weights, and what is fed. */
  readonly prepare: (feeds: Feeds) => Promise<Prepared>;
}

export interface ModelCompileOptions {
  readonly products?: Products;
  /** Which outputs are added to arrays given to `run` instead of being returned; see CompileOptions. */
  readonly isSum?: (output: string) => boolean;
  /** Whether the trained adapter drops what it is told to; then `dropoutKeys` are fed too. Default false. */
  readonly dropout?: boolean;
}

export interface BindOptions {
  /** The same outputs for weights that are not constant: nothing is rearranged that would be at each run. */
  readonly apart: TraceModel;
  /** Largest copy of the weights, bytes. */
  readonly copyBytes: number;
}

export interface RuntimeOptions {
  /** Passes over the model's graphs to leave out. */
  readonly passes?: Partial<Passes>;
  /**
   * Names of the parameters that are trained, and so differ between sets of weights; all others are frozen: one copy
   * serves every set. Default: all.
   */
  readonly trained?: ReadonlySet<string>;
  /** Low-rank adapters of the model, whose factors are among the weights. */
  readonly adapters?: readonly Adapter[];
}

/** Bytes from which on onnxruntime takes no array from memory as a constant; from a file it does. */
export const tooLargeConstant = 2 ** 31;

export class ModelRuntime {
  readonly model: VisionLanguageModel;
  readonly executor: Executor;
  readonly passes: Passes;
  /** Shape of every parameter: the model's, in their order, and its adapters'. */
  readonly parameters: ReadonlyMap<string, readonly number[]>;
  /** Bytes of one set of the weights, float32, those left aside that are read from files. */
  readonly bytes: number;
  /** What the vision tower makes of pictures. */
  readonly pictures: PictureFeatures;
  readonly #adapters: readonly Adapter[];
  readonly #sets: WeightSets;
  readonly #programs: { release(): Promise<void> }[] = [];
  #version = 0;
  /** Grows with every change; a version may come back when a checkpoint is loaded. */
  #changes = 0;

  constructor(
    model: VisionLanguageModel,
    weights: InitialWeights,
    executor: Executor,
    { passes = {}, trained = new Set(weights.keys()), adapters = [] }: RuntimeOptions = {},
  ) {
    this.passes = { ...allPasses, ...passes };
    this.model = model;
    this.executor = executor;
    this.#adapters = adapters;
    this.parameters = new Map([
      ...model.parameters,
      ...adapters.flatMap((adapter) => [...adapterShapes(adapter, model.parameters)]),
    ]);
    this.bytes = [...this.parameters].reduce((sum, [name, shape]) => {
      const array = weights.get(name);
      return (
        sum + (array !== undefined && !("id" in array) && isFileArray(array) ? 0 : 4 * shape.reduce((a, b) => a * b, 1))
      );
    }, 0);
    const part = (wanted: boolean): InitialWeights =>
      new Map([...weights].filter(([name]) => trained.has(name) === wanted));
    this.#sets = new WeightSets(executor, part(false));
    this.#sets.put(currentWeights, part(true));
    this.pictures = new PictureFeatures(model.vision, { executor, program: (trace) => this.#lazyProgram(trace) });
  }

  /** Grows when the current weights change. */
  get version(): number {
    return this.#version;
  }

  /** Names of the weight sets kept besides the current one. */
  get kept(): readonly string[] {
    return this.#sets.names.filter((name) => name !== currentWeights);
  }

  /** Names of the parameters that are trained. */
  get trainedNames(): readonly string[] {
    return this.#sets.trained;
  }

  /**
   * The trained parameters' arrays on the host, of a set, with the values of now; who writes into the current ones
   * calls `changed`.
   */
  trained(name: string = currentWeights): Weights {
    return this.#sets.host(name);
  }

  /** The same of all parameters, in their order; those that are frozen are the same arrays in every set. */
  weights(name: string = currentWeights): Weights {
    const [trained, { frozen }] = [this.trained(name), this.#sets];
    return new Map(
      [...this.parameters.keys()].map((parameter) => [parameter, (trained.get(parameter) ?? frozen.get(parameter))!]),
    );
  }

  /** A parameter of the current weights on the executor's device, and its new value there. */
  onDevice(parameter: string): DeviceArray {
    return this.#sets.onDevice(currentWeights, parameter);
  }

  replaceOnDevice(parameter: string, array: DeviceArray): void {
    this.#sets.replace(currentWeights, parameter, array);
  }

  /** Keep trained weights under a name, the current ones' copy by default. */
  keep(name: string, weights?: Weights): void {
    if (weights === undefined) this.#sets.copy(currentWeights, name);
    else this.#sets.put(name, weights);
    this.pictures.forget(name);
  }

  /** Free weights kept under a name, if there are any. */
  forget(name: string): void {
    this.#sets.remove(name);
    this.pictures.forget(name);
  }

  /** Move kept weights towards the current ones: kept ← decay · kept + (1 − decay) · current. */
  async follow(name: string, decay: number): Promise<void> {
    await this.#sets.follow(name, currentWeights, decay);
    this.pictures.forget(name);
  }

  /**
   * Say that the current weights changed in place; with `vision: false` those of the vision tower did not, and pictures
   * stay encoded.
   */
  changed(version = this.#version + 1, { vision = true } = {}): void {
    this.#sets.hostChanged(currentWeights);
    this.#version = version;
    this.#changes++;
    if (vision) this.pictures.forget(currentWeights);
  }

  /** Trace and compile; `trace` gets parameters as inputs that are fed by `run`. */
  compile(trace: TraceModel, options: ModelCompileOptions = {}): Promise<ModelProgram> {
    return this.compileTraced(this.trace(trace, options.dropout), options);
  }

  /** The same of what `trace` returned. */
  async compileTraced(
    { graph, parameters }: TracedModel,
    { products = "float32", isSum = () => false }: ModelCompileOptions = {},
  ): Promise<ModelProgram> {
    const sums = [...graph.outputs.keys()].filter(isSum);
    const [files, frozen] = [this.#inFiles(parameters), this.#heldFrozen(parameters)];
    const program = await this.executor.compile(graph, { products, sums, files, frozen });
    const fed = parameters.filter((name) => files[name] === undefined && frozen[name] === undefined);
    const compiled = { program, parameters: fed, sums };
    this.#programs.push(compiled.program);
    return compiled;
  }

  /**
   * A program on the current weights with the model's parameters as constants, which is faster where few rows meet each
   * weight. It holds a copy of them, and is compiled anew at its first run after one of them has changed; adapters are
   * fed, so that learning them alone leaves it as it is. Where the copy would be larger than allowed, it is the program
   * of `apart`, which reads the weights where they are.
   */
  bind(trace: TraceModel, { apart, copyBytes }: BindOptions): (feeds: Feeds) => Promise<Record<string, FloatArray>> {
    const { graph, parameters } = this.trace(trace);
    const frozen = this.#heldFrozen(parameters);
    const constants = parameters.filter((name) => this.model.parameters.has(name) && frozen[name] === undefined);
    if (!this.#canCopy(constants, copyBytes)) {
      let compiled: Promise<ModelProgram> | null = null;
      return async (feeds) => this.run(await (compiled ??= this.compile(apart)), feeds);
    }
    const fed = parameters.filter((name) => !this.model.parameters.has(name) && frozen[name] === undefined);
    const changes = constants.some((name) => this.trained().has(name)) ? () => this.#changes : () => 0;
    let bound: { readonly change: number; readonly program: Promise<Program> } | null = null;
    const rebind = async (last: Promise<Program> | undefined): Promise<Program> => {
      if (last !== undefined) await this.#release(await last);
      const weights = this.weights();
      const files = this.#inFiles(constants);
      // A session takes initializers from memory or from files, not from both.
      const mixed = Object.keys(files).length < constants.length;
      const program = await this.executor.compile(graph, {
        frozen,
        constants: Object.fromEntries(
          constants.map((name) => [
            name,
            mixed ? loaded(weights.get(name) as FloatArray) : (weights.get(name) as HostArray),
          ]),
        ),
      });
      this.#programs.push(program);
      return program;
    };
    return async (feeds) => {
      if (bound?.change !== changes()) bound = { change: changes(), program: rebind(bound?.program) };
      return (await bound.program).run({ ...feeds, ...this.#parameterFeeds(fed, currentWeights) });
    };
  }

  /**
   * The same for a graph that runs in a loop; its rounds read the current weights as they were when it was prepared.
   * @throws Error where the executor has no loops
   */
  async compileLoop(trace: TraceModel, options: LoopOptions): Promise<ModelLoop> {
    if (this.executor.compileLoop === undefined) throw new Error(`${this.executor.name} runs no loops`);
    const { graph, parameters } = this.trace(trace);
    const loop = await this.executor.compileLoop(graph, options);
    this.#programs.push(loop);
    return {
      loop,
      prepare: (feeds) => loop.prepare({ ...feeds, ...this.#parameterFeeds(parameters, currentWeights) }),
    };
  }

  /** Whether a program may hold these parameters in float32. */
  #canCopy(parameters: readonly string[], copyBytes: number): boolean {
    const bytes = parameters.map((name) => this.parameters.get(name)!.reduce((a, b) => a * b, 4));
    const largestHeld = Math.max(
      0,
      ...bytes.filter((_, i) => !(this.#sets.frozen.get(parameters[i]!) instanceof FileWeight)),
    );
    return bytes.reduce((a, b) => a + b, 0) <= copyBytes && largestHeld < tooLargeConstant;
  }

  /** Frozen parameters that stay in files, of those that a program reads. */
  #inFiles(parameters: readonly string[]): Record<string, FileArray> {
    const files: Record<string, FileArray> = {};
    if (this.executor.readsFiles !== true) return files;
    for (const name of parameters) {
      const weight = this.#sets.frozen.get(name);
      if (!(weight instanceof FileWeight)) continue;
      weight.checkName();
      files[name] = weight;
    }
    return files;
  }

  /** Frozen parameters that the executor holds, of those that a program reads. */
  #heldFrozen(parameters: readonly string[]): Record<string, FloatArray> {
    if (this.executor.holdsFrozen !== true) return {};
    const { frozen } = this.#sets;
    return Object.fromEntries(
      parameters.flatMap((name) => (frozen.has(name) ? [[name, frozen.get(name) as FloatArray]] : [])),
    );
  }

  /** Types, in their files, of the parameters that programs read there. */
  get fileTypes(): ReadonlyMap<string, FileType> {
    if (this.executor.readsFiles !== true) return new Map();
    return new Map(
      [...this.#sets.frozen].flatMap(([name, weight]) =>
        weight instanceof FileWeight ? [[name, weight.file.type] as const] : [],
      ),
    );
  }

  /** Trace alone. */
  trace(trace: TraceModel, dropout = false): TracedModel {
    return traceModel({ parameters: this.parameters, adapters: this.#adapters, passes: this.passes, dropout }, trace);
  }

  /** Whether anything that the vision tower computes with is trained. */
  get trainsVision(): boolean {
    const { parameters } = this.trace((graph, read) => void this.model.vision.trace(graph, read));
    return parameters.some((name) => this.trained().has(name));
  }

  /** Whether passes back drop anything. */
  get dropsOut(): boolean {
    return this.#adapters.some(({ name, dropout }) => name === "" && dropout > 0);
  }

  /** Feeds of one pass back: a seed for each adapted weight's mask. */
  dropoutKeys(
    seed: number,
    place: { readonly version: number; readonly pass: number },
  ): Readonly<Record<string, HostArray>> {
    const [adapter] = this.#adapters.filter(({ name, dropout }) => name === "" && dropout > 0);
    return Object.fromEntries(
      [...(adapter?.weights.keys() ?? [])].map((weight) => [
        dropoutKeyName(weight),
        { shape: [2], data: dropoutKey(seed, weight, place) },
      ]),
    );
  }

  async #release(program: Program): Promise<void> {
    this.#programs.splice(this.#programs.indexOf(program), 1);
    await program.release();
  }

  /** @param sums arrays that outputs are added to */
  run(
    { program, parameters }: ModelProgram,
    feeds: Feeds,
    weights = currentWeights,
    sums: Readonly<Record<string, FloatArray>> = {},
  ): Promise<Record<string, FloatArray>> {
    return program.run({ ...feeds, ...this.#parameterFeeds(parameters, weights) }, sums);
  }

  /** The same on each of the executor's devices at once, or on the one there is. @param own feeds of each */
  async runOnEach(
    program: ModelProgram,
    own: readonly Readonly<Record<string, HostArray>>[],
    weights = currentWeights,
  ): Promise<Record<string, FloatArray>[]> {
    const [feeds = {}] = own;
    if (own.length === 1) return [await this.run(program, feeds, weights)];
    return (await this.runAllOnEach(program, own, {}, weights)).own;
  }

  /** @param sums see Program.runOnEach @throws Error where the executor has one device */
  runAllOnEach(
    { program, parameters }: ModelProgram,
    own: readonly Readonly<Record<string, HostArray>>[],
    sums: Readonly<Record<string, DeviceArray>>,
    weights = currentWeights,
  ): Promise<{ readonly own: Record<string, FloatArray>[]; readonly sums: Record<string, DeviceArray> }> {
    if (program.runOnEach === undefined) throw new Error(`${this.executor.name} computes on one device`);
    return program.runOnEach(own, this.#parameterFeeds(parameters, weights), sums);
  }

  /**
   * The same as `run` on the current weights, the outputs left on the executor's device.
   * @param sums see Program.runOnDevice
   */
  runOnDevice(
    { program, parameters }: ModelProgram,
    feeds: Feeds,
    sums: Readonly<Record<string, DeviceArray>> = {},
  ): Promise<Record<string, DeviceArray>> {
    return runOnDevice(program, { ...feeds, ...this.#parameterFeeds(parameters, currentWeights) }, sums);
  }

  /** Compiled when it is run first. */
  #lazyProgram(trace: TraceModel): PictureProgram {
    let compiled: Promise<ModelProgram> | null = null;
    return async (feeds, weights) => this.run(await (compiled ??= this.compile(trace)), feeds, weights);
  }

  #parameterFeeds(parameters: readonly string[], weights: string): Feeds {
    return Object.fromEntries(parameters.map((name) => [name, this.#sets.feed(weights, name)]));
  }

  async release(): Promise<void> {
    for (const program of this.#programs.splice(0)) await program.release();
    await this.#sets.release();
  }
}

/** What stands in a file, read. */
const loaded = ({ shape, data }: FloatArray): FloatArray => ({ shape, data });

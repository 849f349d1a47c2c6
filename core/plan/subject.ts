/**
 * What a plan is about: a model by its shapes, what of it is trained, and how its weights are kept. No weights are
 * read.
 */
import type { FileType } from "../graph/executor.ts";
import type { Graph } from "../graph/graph.ts";
import { type LargestArray, largestArray } from "../graph/onnx/peak.ts";
import { allPasses } from "../graph/passes.ts";
import { largeModel } from "../machine/memory.ts";
import type { MomentType } from "../learner/optimizer/moments.ts";
import { trainedParameters } from "../learner/trained-parameters.ts";
import { adaptedModel } from "../model/files/adapter-folder.ts";
import type { ModelConfig } from "../model/files/config.ts";
import { type Adapter, adapterShapes } from "../model/lora/adapter.ts";
import { describeLora } from "../model/lora/open.ts";
import type { LoraSettings } from "../model/lora/settings.ts";
import type { ParameterShapes, VisionLanguageModel } from "../model/model.ts";
import { type TracedModel, traceModel, type TraceModel } from "../model/trace.ts";
import { createModel } from "../model/registry.ts";

/** The settings that decide over memory; see RunSettings. */
export interface PlanSettings {
  readonly executor: "onnxruntime" | "tensorflow" | "xla";
  readonly device: "cpu" | "webgpu";
  readonly precision: "float32" | "bfloat16";
  readonly devices: number;
  readonly sharding: "full" | "replicated";
  readonly lora: LoraSettings | null;
  readonly optimizer: {
    readonly moments: MomentType;
    readonly matrices: "adamw" | "muon";
    readonly freeze: readonly string[];
  };
  readonly microbatchTokens: number;
  readonly scoringTokens: number;
  readonly recompute: boolean;
  readonly keepFreedMemory: boolean;
  readonly cacheMegabytes: number | null;
  readonly pipelined: "off" | "rewards" | "rollouts";
  readonly checkpointType: "float32" | "bfloat16" | "float16" | "input";
  readonly checkpointOptimizer: boolean;
  readonly keepCheckpoints: number;
  readonly keepBest: object | null;
}

/**
 * Whether frozen weights stay in their files: onnxruntime reads them there (Executor.readsFiles), OpenXLA puts them on
 * its device from there.
 */
export const leavesInFiles = ({ executor, device }: Pick<PlanSettings, "executor" | "device">): boolean =>
  executor === "xla" || (executor === "onnxruntime" && device === "cpu");

export class PlanSubject {
  readonly model: VisionLanguageModel;
  readonly settings: PlanSettings;
  readonly adapters: readonly Adapter[];
  /** Of the model, and of its adapters. */
  readonly parameters: ParameterShapes;
  readonly trained: ReadonlySet<string>;
  /**
   * Frozen parameters that stay in their files, and their types there; those of "xla" are put on the device from there.
   */
  readonly inFiles: ReadonlyMap<string, FileType>;
  /** Of all programs that were planned; known where there is a limit, on WebGPU. */
  largestArray: LargestArray | null = null;
  readonly #typeOf: (parameter: string) => FileType;

  private constructor(
    model: VisionLanguageModel,
    settings: PlanSettings,
    adapters: readonly Adapter[],
    typeOf: (parameter: string) => FileType,
    trains = true,
  ) {
    [this.model, this.settings, this.adapters, this.#typeOf] = [model, settings, adapters, typeOf];
    const names = [...model.parameters.keys()];
    const factors = adapters.map((adapter) => adapterShapes(adapter, model.parameters));
    this.parameters = new Map([model.parameters, ...factors].flatMap((part) => [...part]));
    const { freeze } = settings.optimizer;
    this.trained = !trains
      ? new Set()
      : settings.lora === null
        ? trainedParameters(names, freeze)
        : trainedParameters([...(factors[0]?.keys() ?? [])], freeze, names);
    this.inFiles = new Map(
      leavesInFiles(settings)
        ? names.filter((name) => !this.trained.has(name)).map((name) => [name, typeOf(name)])
        : [],
    );
  }

  /** A program at the sizes that it is planned at. */
  planned(graph: Graph, sizes: ReadonlyMap<string, number>): void {
    if (this.settings.device !== "webgpu") return;
    const found = largestArray(graph, sizes);
    if (found.bytes > (this.largestArray?.bytes ?? 0)) this.largestArray = found;
  }

  /**
   * @param typeOf of a parameter in the folder
   * @param folder of the model, "" for one that is known by its configuration alone
   * @throws Error naming the setting, or the file of an adapter's folder, that is at fault
   */
  static async of(
    config: ModelConfig,
    settings: PlanSettings,
    typeOf: (parameter: string) => FileType,
    folder = "",
  ): Promise<PlanSubject> {
    if (settings.lora === null) return new PlanSubject(createModel(config), settings, [], typeOf);
    const base = adaptedModel(config);
    const { trained, fixed } = await describeLora(settings.lora, { ...base, folder, seed: 0 });
    return new PlanSubject(base.model, settings, [trained, ...fixed], typeOf);
  }

  /** A model of which nothing is trained. */
  static frozen(config: ModelConfig, settings: PlanSettings, typeOf: (parameter: string) => FileType): PlanSubject {
    return new PlanSubject(createModel(config), { ...settings, lora: null }, [], typeOf, false);
  }

  /** Whether arrays are in another memory than the processor's. */
  get hasDevice(): boolean {
    return this.settings.executor !== "onnxruntime" || this.settings.device !== "cpu";
  }

  /** Whether arrays that passes free go back to the system, as they do of a large model in any case. */
  get handsBack(): boolean {
    const isLarge = this.count((name) => this.model.parameters.has(name)) >= largeModel;
    return !this.hasDevice && (isLarge || !this.settings.keepFreedMemory);
  }

  /** Numbers in all parameters that fit. */
  count(wanted: (parameter: string) => boolean): number {
    let numbers = 0;
    for (const [name, shape] of this.parameters) if (wanted(name)) numbers += shape.reduce((a, b) => a * b, 1);
    return numbers;
  }

  /** Bytes that parameters take in the model's folder. */
  bytesOnDisk(wanted: (parameter: string) => boolean): number {
    const wide = this.count((name) => wanted(name) && this.#typeOf(name) === "F32");
    return 2 * this.count(wanted) + 2 * wide;
  }

  trace(trace: TraceModel, { dropout = false } = {}): TracedModel {
    return traceModel({ parameters: this.parameters, adapters: this.adapters, passes: allPasses, dropout }, trace);
  }

  get trainsVision(): boolean {
    const { parameters } = this.trace((graph, read) => void this.model.vision.trace(graph, read));
    return parameters.some((name) => this.trained.has(name));
  }
}

/** The heavy half of a policy, in whichever thread: one model, one set of weights, a learner and a sampler on both. */
import { availableParallelism } from "node:os";
import type { Executor } from "../graph/executor.ts";
import { keepFreedMemory } from "../machine/libc.ts";
import { givenBackFrom, largeModel } from "../machine/memory.ts";
import type { Passes } from "../graph/passes.ts";
import type { OnnxDevice } from "../graph/onnx/writer.ts";
import { OnnxExecutor } from "../graph/onnx/executor.ts";
import { requireWebGpu } from "../graph/onnx/webgpu.ts";
import { loadTensorFlow } from "../graph/tensorflow/binding.ts";
import { loadXla } from "../graph/xla/client/plugin.ts";
import { GraphLearner } from "../learner/graph-learner.ts";
import type { OptimizerSettings } from "../learner/learner.ts";
import { trainedParameters } from "../learner/trained-parameters.ts";
import { adapterStore, type CheckpointType, modelStore } from "../learner/weight-store.ts";
import { adaptedModel } from "../model/files/adapter-folder.ts";
import type { ModelConfig } from "../model/files/config.ts";
import { loadModelFolder, type ModelFolder, type Shapes } from "../model/files/folder.ts";
import { openLora } from "../model/lora/open.ts";
import type { LoraSettings } from "../model/lora/settings.ts";
import type { PictureOptions } from "../model/processing/picture.ts";
import { createModel } from "../model/registry.ts";
import { ModelRuntime } from "../model/runtime.ts";
import { OnnxRolloutEngine, type OnnxRolloutOptions } from "../rollout/onnx-engine.ts";
import { leavesInFiles } from "../plan/subject.ts";
import { openTeacher } from "./teacher.ts";
import type { PolicyParts, WeightCopies } from "./policy-service.ts";

/** Plain data: it is sent to the worker thread. */
export interface PolicyOptions {
  /** The model: a Hugging Face folder with configuration, tokenizer, chat template and weights. */
  readonly folder: string;
  /** Another folder to read the weights from; default: `folder`. */
  readonly weights?: string;
  /** Threads inside one operation; default: all cores. */
  readonly threads?: number;
  /** See RunSettings. Default "onnxruntime" and "float32". */
  readonly executor?: "onnxruntime" | "tensorflow" | "xla";
  readonly device?: OnnxDevice;
  readonly precision?: "float32" | "bfloat16";
  /** See RunSettings. Default 1 and "full". */
  readonly devices?: number;
  readonly sharding?: "full" | "replicated";
  /** See OnnxExecutorOptions. Default true. */
  readonly spinning?: boolean;
  /** See RunSettings. */
  readonly pictures?: PictureOptions;
  readonly optimizer: OptimizerSettings;
  /** See GraphLearnerOptions. Default 8192. */
  readonly microbatchTokens?: number;
  readonly scoringTokens?: number;
  readonly recompute?: boolean;
  /** See RunSettings; for the whole process. Default true. */
  readonly keepFreedMemory?: boolean;
  /** Train an adapter in place of the model's weights. Default null: the weights. */
  readonly lora?: LoraSettings | null;
  /** Of a new adapter's factors and of its dropout. Default 0. */
  readonly seed?: number;
  /** See RunSettings. Default "float32". */
  readonly checkpointType?: CheckpointType;
  /** Passes over the model's graphs to leave out (`{ liveness: false }`), to measure what they give. */
  readonly passes?: Partial<Passes>;
  readonly rollout?: OnnxRolloutOptions;
}

/**
 * Bytes of an array that is given back where the model is large. An adapter's pass that keeps what each layer computes
 * has little else: with the smaller ones kept its step of half a billion parameters took a fifth less processor time,
 * and was at its largest 5 % larger.
 */
const largestKept = ({ lora, recompute, keepFreedMemory: keep }: PolicyOptions): number =>
  keep !== false && (lora ?? null) !== null && recompute !== true ? 2 ** 22 : givenBackFrom;

/** Load the model and make learner and sampler. @throws Error naming the file at fault. */
export const loadPolicyParts = async (options: PolicyOptions): Promise<PolicyParts> => {
  const {
    folder,
    weights = folder,
    threads = availableParallelism(),
    optimizer,
    microbatchTokens = 8192,
    scoringTokens,
    recompute = false,
    rollout = {},
    seed = 0,
  } = options;
  const stayInFiles = leavesInFiles({ executor: options.executor ?? "onnxruntime", device: options.device ?? "cpu" });
  let trained: ReadonlySet<string> = new Set();
  const shapesOf = (config: ModelConfig): Shapes => {
    const { parameters } = createModel(config);
    if ((options.lora ?? null) === null) trained = trainedParameters([...parameters.keys()], optimizer.freeze);
    return parameters;
  };
  const loaded = await loadModelFolder(weights, shapesOf, (name) => stayInFiles && !trained.has(name));
  const numbers = [...loaded.weights.values()].reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  const handsBack = options.keepFreedMemory === false || numbers >= largeModel;
  if (handsBack) keepFreedMemory(largestKept(options));
  if (options.device === "webgpu") await requireWebGpu(createModel(loaded.config).parameters);
  const executor = createExecutor(options, threads);
  const { runtime, ...stored } = await createRuntime(options, loaded, executor);
  const learner = new GraphLearner(runtime, {
    optimizer,
    handsBack,
    microbatchTokens,
    recompute,
    ...(scoringTokens === undefined ? {} : { scoringTokens }),
    seed,
    ...stored,
    openTeacher: (teacher) => openTeacher(teacher, { folder, leavesInFiles: stayInFiles }, executor),
  });
  const close = async (): Promise<void> => {
    await learner.release();
    await runtime.release();
    await executor.close?.();
  };
  return { learner, rollout: new OnnxRolloutEngine(runtime, rollout), weights: weightCopies(runtime), close };
};

/** The model with the adapter that is asked for, how its weights are kept, and what `keep` takes of them. */
async function createRuntime(
  { folder, optimizer: { freeze }, lora: wanted = null, seed = 0, passes = {}, checkpointType }: PolicyOptions,
  { config, weights }: ModelFolder,
  executor: Executor,
) {
  const model = createModel(config);
  const names = [...model.parameters.keys()];
  if (wanted === null) {
    const runtime = new ModelRuntime(model, weights, executor, { passes, trained: trainedParameters(names, freeze) });
    return { runtime, store: modelStore(runtime, folder, checkpointType) };
  }
  const base = adaptedModel(config);
  const lora = await openLora(wanted, { ...base, folder, seed });
  const all = [lora.trained, ...lora.fixed];
  const factors = [...lora.trained.weights.keys()];
  const runtime = new ModelRuntime(
    model,
    new Map([weights, ...all.map((adapter) => adapter.weights)].flatMap((part) => [...part])),
    executor,
    { passes, trained: trainedParameters(factors, freeze, names), adapters: all.map(({ adapter }) => adapter) },
  );
  return {
    runtime,
    store: adapterStore(runtime, lora.trained, base),
    ...(lora.reference === null ? {} : { copies: new Map([["reference", lora.reference]]) }),
  };
}

const weightCopies = (runtime: ModelRuntime): WeightCopies => ({
  read: () => Object.fromEntries([...runtime.trained()].map(([name, { data }]) => [name, data.slice()])),
  write: (arrays) => {
    for (const [name, { data }] of runtime.trained()) data.set(arrays[name]!);
    runtime.changed();
  },
});

/** @throws Error where a library is asked for and not set up, or what the executor does not have */
function createExecutor(options: PolicyOptions, threads: number): Executor {
  const {
    executor = "onnxruntime",
    device = "cpu",
    precision = "float32",
    spinning = true,
    devices = 1,
    sharding = "full",
  } = options;
  if (executor !== "onnxruntime" && device !== "cpu")
    throw new Error(`device "${device}" is onnxruntime's; "${executor}" computes where it was set up for`);
  if (executor !== "xla" && devices > 1)
    throw new Error(`${executor} computes on one device: devices ${devices} needs the executor "xla"`);
  if (executor === "tensorflow") return loadTensorFlow({ threads, precision });
  if (executor === "xla") return loadXla({ precision, devices, sharding });
  if (precision !== "float32")
    throw new Error(
      `onnxruntime computes in float32: precision "${precision}" needs the executor "xla" or "tensorflow"`,
    );
  return new OnnxExecutor({ threads, spinning, device });
}

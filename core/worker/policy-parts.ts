/** The heavy half of a policy, in whichever thread: one model, one set of weights, a learner and a sampler on both. */
import { availableParallelism } from "node:os";
import type { Executor } from "../graph/executor.ts";
import type { Passes } from "../graph/passes.ts";
import { OnnxExecutor } from "../graph/onnx/executor.ts";
import { loadTensorFlow } from "../graph/tensorflow/binding.ts";
import { loadXla } from "../graph/xla/plugin.ts";
import { GraphLearner } from "../learner/graph-learner.ts";
import type { OptimizerSettings } from "../learner/learner.ts";
import { trainedParameters } from "../learner/trained-parameters.ts";
import { loadModelFolder, saveModelFolder } from "../model/files/folder.ts";
import { createModel } from "../model/registry.ts";
import { ModelRuntime } from "../model/runtime.ts";
import { OnnxRolloutEngine, type OnnxRolloutOptions } from "../rollout/onnx-engine.ts";
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
  readonly precision?: "float32" | "bfloat16";
  /** See OnnxExecutorOptions. Default true. */
  readonly spinning?: boolean;
  readonly optimizer: OptimizerSettings;
  /** See GraphLearnerOptions. Default 8192. */
  readonly microbatchTokens?: number;
  readonly scoringTokens?: number;
  readonly recompute?: boolean;
  /** Passes over the model's graphs to leave out (`{ liveness: false }`), to measure what they give. */
  readonly passes?: Partial<Passes>;
  readonly rollout?: OnnxRolloutOptions;
}

/** Load the model and make learner and sampler. @throws Error naming the file at fault. */
export const loadPolicyParts = async (options: PolicyOptions): Promise<PolicyParts> => {
  const { folder, weights = folder, threads = availableParallelism(), optimizer, microbatchTokens = 8192, scoringTokens, recompute = false, passes = {}, rollout = {} } = options;
  const loaded = await loadModelFolder(weights, (config) => createModel(config).parameters);
  const model = createModel(loaded.config);
  const trained = trainedParameters([...model.parameters.keys()], optimizer.freeze);
  const executor = createExecutor(options, threads);
  const runtime = new ModelRuntime(model, loaded.weights, executor, { passes, trained });
  const learner = new GraphLearner(runtime, {
    optimizer,
    microbatchTokens,
    recompute,
    ...(scoringTokens === undefined ? {} : { scoringTokens }),
    writeModel: (target, current) => saveModelFolder(target, { source: folder, weights: current }),
    readModel: async (source) => (await loadModelFolder(source, () => model.parameters)).weights,
  });
  const close = async (): Promise<void> => {
    await learner.release();
    await runtime.release();
    executor.close?.();
  };
  return { learner, rollout: new OnnxRolloutEngine(runtime, rollout), weights: weightCopies(runtime), close };
};

const weightCopies = (runtime: ModelRuntime): WeightCopies => ({
  read: () => Object.fromEntries([...runtime.trained()].map(([name, { data }]) => [name, data.slice()])),
  write: (arrays) => {
    for (const [name, { data }] of runtime.trained()) data.set(arrays[name]!);
    runtime.changed();
  },
});

/** @throws Error where a library is asked for and not set up, or a precision that the executor does not have */
function createExecutor({ executor = "onnxruntime", precision = "float32", spinning = true }: PolicyOptions, threads: number): Executor {
  if (executor === "tensorflow") return loadTensorFlow({ threads, precision });
  if (executor === "xla") return loadXla({ precision });
  if (precision !== "float32") throw new Error(`onnxruntime computes in float32 on CPUs: precision "${precision}" needs the executor "xla" or "tensorflow"`);
  return new OnnxExecutor({ threads, spinning });
}

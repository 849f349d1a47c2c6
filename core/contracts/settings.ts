/** What the user decides about a run, apart from its plugins. Every field has a default and a sentence. */
import { z } from "zod";
import type { OptimizerSettings } from "../learner/learner.ts";
import { parseOptions } from "../options/options.ts";
import { loraSchema } from "../model/lora/settings.ts";

const fraction = z.number().min(0).max(1);
const count = z.int().positive();

const samplingSchema = z.strictObject({
  /** T of the softmax that is sampled from; every log-prob of the run is taken at this temperature. */
  temperature: z.number().positive().default(1),
  /** Keep the smallest set of most likely tokens whose mass reaches this; 1 keeps all. */
  topP: z.number().positive().max(1).meta({ unit: "probability" }).default(1),
  /** Keep this many most likely tokens; 0 keeps all. */
  topK: z.int().nonnegative().meta({ unit: "tokens" }).default(0),
  /** Responses are cut at this many tokens: all turns, and what environments answer between them, together. */
  maxNewTokens: count.meta({ unit: "tokens" }).default(256),
});

const optimizerSchema = z.strictObject({
  /**
   * What updates the weight matrices of hidden layers: "adamw", or "muon", which learns faster from scratch; everything
   * else is AdamW's.
   */
  matrices: z.enum(["adamw", "muon"]).default("adamw"),
  /**
   * How AdamW keeps its two moments between updates: "float32", 8 bytes a parameter, or "8bit", 2 bytes, each block of
   * 256 numbers on a scale of its own (arXiv:2110.02861). On the executor "onnxruntime"; what Muon keeps of a matrix
   * stays float32.
   */
  moments: z.enum(["float32", "8bit"]).default("float32"),
  /** Decay of AdamW's mean of gradients. */
  beta1: z.number().min(0).lt(1).default(0.9),
  /** Decay of AdamW's mean of squared gradients. */
  beta2: z.number().min(0).lt(1).default(0.999),
  /** Added to AdamW's denominator. */
  epsilon: z.number().positive().default(1e-8),
  /** Decoupled weight decay, per unit of learning rate. */
  weightDecay: z.number().nonnegative().meta({ unit: "per unit of learning rate" }).default(0.01),
  /** Largest L2 norm of the gradient; larger ones are scaled down to it. null: no clipping. */
  maxGradientNorm: z.number().positive().meta({ unit: "L2 norm" }).nullable().default(1),
  /** Patterns (picomatch) of parameter names that are not trained. */
  freeze: z.array(z.string()).default([]),
});

export const settingsSchema = z.strictObject({
  /** Every random number of the run follows from it: order of rows, samples, masks, minibatches. */
  seed: z.int().nonnegative().meta({ unit: "–" }).default(1),
  /** Number of steps; each samples, scores and updates once. */
  steps: count.meta({ unit: "steps" }).default(100),
  /** Prompts a step trains on. */
  promptsPerStep: count.meta({ unit: "prompts" }).default(16),
  /** Responses to each prompt. */
  samplesPerPrompt: count.meta({ unit: "responses" }).default(8),
  /** Prompts in one optimizer step; null: all of the step's. */
  promptsPerMinibatch: count.meta({ unit: "prompts" }).nullable().default(null),
  /** Passes over a step's experience. */
  epochs: count.meta({ unit: "passes" }).default(1),
  /**
   * Prompts sampled together; null: as many as `promptsPerStep`. A step samples round after round until it has sampled
   * `promptsPerStep` prompts, and further ones while a plugin asks for more.
   */
  promptsPerRound: count.meta({ unit: "prompts" }).nullable().default(null),
  /** Rounds of sampling in a step at most, the first included; then the step trains on what it has. */
  maxRounds: count.meta({ unit: "rounds" }).default(20),
  /** How responses are sampled. */
  sampling: samplingSchema.prefault({}),
  /** How pictures are read and resized; a row's own columns min_pixels and max_pixels go first. */
  pictures: z
    .strictObject({
      /** Fewest pixels after resizing; null: as the model's folder says. Families that cut tiles know only the most. */
      minPixels: count.meta({ unit: "pixels" }).nullable().default(null),
      /** Most pixels after resizing; null: as the model's folder says. */
      maxPixels: count.meta({ unit: "pixels" }).nullable().default(null),
      /**
       * Most pixels of a picture as its file has it: one with more is a row that cannot be used. Decoding takes about
       * 11 bytes a pixel. A file of more than 8 bytes for each of them is refused unread.
       */
      maxFilePixels: count.meta({ unit: "pixels" }).default(64_000_000),
      /** 16-bit grey: "scale" to 8 bits, or "clip" at 255 as Pillow and so transformers do (32768 becomes white). */
      sixteenBit: z.enum(["scale", "clip"]).default("scale"),
      /** Transparency: on "white", as transformers does with opened pictures; or "drop" it, as it does with paths. */
      transparency: z.enum(["white", "drop"]).default("white"),
    })
    .prefault({}),
  /** Longest prompt in tokens, visual tokens included. */
  maxPromptTokens: count.meta({ unit: "tokens" }).default(4096),
  /** A prompt over the limit: "stop" the run with an error, or "skip" it, logged and counted. */
  onLongPrompt: z.enum(["stop", "skip"]).default("stop"),
  /** A row whose pictures or text cannot be used: "stop" the run with an error, or "skip" it, logged and counted. */
  onBadRow: z.enum(["stop", "skip"]).default("stop"),
  /** Scorers running at one time, over all responses. */
  concurrentScorers: count.meta({ unit: "scorers" }).default(64),
  /**
   * Seconds that an asynchronous hook of a plugin, or a function that it registered (a view's, say), may take before
   * the run stops and names it.
   */
  hookSeconds: z.number().positive().meta({ unit: "seconds" }).default(1800),
  /** Learning rate after the warm-up. */
  learningRate: z.number().nonnegative().default(1e-6),
  /** Steps over which the learning rate rises linearly from 0. */
  warmupSteps: z.int().nonnegative().meta({ unit: "steps" }).default(0),
  /** Course of the learning rate after the warm-up. */
  decay: z.enum(["constant", "linear", "cosine"]).default("constant"),
  /** Share of the learning rate that a decay ends at. */
  finalFraction: fraction.default(0),
  /** AdamW and clipping; read by whoever builds the learner. */
  optimizer: optimizerSchema.prefault({}),
  /**
   * Train a low-rank adapter (LoRA, arXiv:2106.09685) in place of the weights: { rank: 16, alpha: 32, targetModules:
   * "all-linear" }, …; {}: the defaults. Checkpoints then hold the adapter alone, as PEFT does. null: all weights that
   * `optimizer.freeze` leaves.
   */
  lora: loraSchema.nullable().default(null),
  /**
   * What runs the model: "onnxruntime", on any machine; "xla", OpenXLA, for GPUs and bfloat16, after `papo setup xla`;
   * or "tensorflow", for NVIDIA GPUs and bfloat16, after `papo setup tensorflow`.
   */
  executor: z.enum(["onnxruntime", "xla", "tensorflow"]).default("onnxruntime"),
  /**
   * Where onnxruntime computes: "cpu", or "webgpu", the GPU that its WebGPU finds (Vulkan, D3D12, Metal), without any
   * set-up; sampler, scorer and learner all run there. Sums go in another order: set parityTolerance, 1e-4 say.
   */
  device: z.enum(["cpu", "webgpu"]).default("cpu"),
  /**
   * Of matrix products, on "xla" and "tensorflow": "bfloat16" rounds their factors and sums in float32. Sampler and
   * learner then differ by some hundredths of a nat (set parityTolerance, 0.2 say), and log π_old is always the
   * learner's.
   */
  precision: z.enum(["float32", "bfloat16"]).default("float32"),
  /**
   * On "xla": how many of the machine's devices (GPUs) the run takes. A pass of the learner and a wave of the sampler
   * are split over them; log-probs and gradients are those of one device but for rounding, and a run may be resumed
   * with another number.
   */
  devices: count.meta({ unit: "devices" }).default(1),
  /**
   * On several devices: "full" gives each a part of the weights, gradients and moments (ZeRO-3, arXiv:1910.02054; what
   * FSDP does), "replicated" all of them: less traffic, more memory.
   */
  sharding: z.enum(["full", "replicated"]).default("full"),
  /**
   * Padded tokens (prompts and responses) in one backward pass of the learner, at most: less memory, same loss to the
   * bit. Where prompt and response have 512 tokens or more, passes are cut further until each holds no more than
   * training does anyway.
   */
  microbatchTokens: count.meta({ unit: "tokens" }).default(16_384),
  /** The same in one scoring pass; with several threads it decides the last bits of log-probs. */
  scoringTokens: count.meta({ unit: "tokens" }).default(16_384),
  /**
   * Of scoring passes on other views than the original, where nothing sends a gradient through them: "int8" rounds the
   * factors of the decoder's matrix products to 8 bits, onnxruntime only. Log-probs change by some hundredths of a nat;
   * those of the original view, which ratios are made of, stay exact.
   */
  viewPrecision: z.enum(["float32", "int8"]).default("float32"),
  /**
   * Compute what is inside the decoder's layers again in the pass back instead of keeping it: less memory, more time,
   * the same gradients; false: only where a response of 512 tokens or more would take too much otherwise.
   */
  recompute: z.boolean().default(false),
  /**
   * Keys and values that the sampler holds at a time, MiB; null: half of what the machine has beside the weights (a
   * power of two, 1024 at least).
   */
  cacheMegabytes: count.meta({ unit: "MiB" }).nullable().default(null),
  /**
   * Keep memory that kernels free instead of handing it back to the system (glibc on Linux): faster, and the process
   * stays as large as it ever was. Of a model of 50 million parameters and more large arrays go back in any case;
   * false: those from 256 KiB on, whatever the model.
   */
  keepFreedMemory: z.boolean().default(true),
  /** Steps between checkpoints; 0: only the last step's. */
  checkpointEvery: z.int().nonnegative().meta({ unit: "steps" }).default(10),
  /**
   * Newest checkpoints that are kept; at least two, since weights that an update broke may show it only in the step
   * after.
   */
  keepCheckpoints: z.int().min(2).meta({ unit: "checkpoints" }).default(2),
  /**
   * Type of the weights in checkpoints' model folders; "input": each tensor's in the folder that the model came from. A
   * resumed run goes on from exact ones all the same: what the type leaves out lies beside it, 16 bits of a number
   * where it is "bfloat16", else float32.
   */
  checkpointType: z.enum(["float32", "bfloat16", "float16", "input"]).default("float32"),
  /**
   * Whether checkpoints hold the optimizer's state, 8 bytes of 12 for a number that is trained. Without it a resumed
   * run is another one: its moments begin at 0.
   */
  checkpointOptimizer: z.boolean().default(true),
  /**
   * Keep the weights of the step where a metric of the run, "evaluation/average" say, was best, in `<output>/best`: a
   * model folder of the type above, or an adapter. It cannot be resumed, a run can begin with it. null: none.
   */
  keepBest: z
    .strictObject({
      /** Its name, as in metrics.jsonl. */
      metric: z.string(),
      /** Whether more of it is better, or less. */
      mode: z.enum(["max", "min"]).default("max"),
    })
    .nullable()
    .default(null),
  /**
   * Where log π_old comes from: "sampler", what the sampler gave with each token, so that the first minibatch of a step
   * needs no scoring pass, or "learner", a pass of its own (for samplers whose numerics differ: then truncated
   * importance sampling can see by how much). The learner is asked anyway where the sampler's cannot serve: without the
   * check before the first step (parityPrompts: 0), for responses carried over from another step or sampled from
   * another view, and where the same pass is needed for another output.
   */
  oldLogProbs: z.enum(["sampler", "learner"]).default("sampler"),
  /**
   * Sample the next step's first round from the weights before this step's updates: one step off-policy, which the
   * metric "rollout/staleness" shows (in updates) and a plugin that weights by importance corrects. "rewards": sampled
   * before the learner works, rewarded while it works, for slow rewards; "rollouts": sampled while it works too, by a
   * thread with a copy of the weights of its own, for machines with cores to spare. The step after a checkpoint is
   * sampled afresh, so that a resumed run repeats the same steps.
   */
  pipelined: z.enum(["off", "rewards", "rollouts"]).default("off"),
  /** Prompts sampled once before the first step to compare sampler and learner; 0 leaves the comparison out. */
  parityPrompts: z.int().nonnegative().meta({ unit: "prompts" }).default(2),
  /** Largest allowed difference between the sampler's and the learner's log-prob of a token, nats. */
  parityTolerance: z.number().positive().meta({ unit: "nats" }).default(2e-5),
});

export type RunSettings = z.output<typeof settingsSchema>;
export type RunSettingsInput = z.input<typeof settingsSchema>;

type LearnerSettings = { readonly optimizer: OptimizerSettings } & Pick<
  RunSettings,
  | "seed"
  | "lora"
  | "checkpointType"
  | "microbatchTokens"
  | "scoringTokens"
  | "recompute"
  | "keepFreedMemory"
  | "executor"
  | "device"
  | "precision"
  | "devices"
  | "sharding"
  | "pipelined"
  | "pictures"
> & { readonly rollout: { readonly cacheBytes?: number } };

/** What a policy is opened with. */
export const learnerSettings = ({
  optimizer,
  seed,
  lora,
  checkpointType,
  microbatchTokens,
  scoringTokens,
  recompute,
  cacheMegabytes,
  keepFreedMemory,
  executor,
  device,
  precision,
  devices,
  sharding,
  pipelined,
  pictures,
}: RunSettings): LearnerSettings => ({
  optimizer: { ...optimizer, maxGradientNorm: optimizer.maxGradientNorm ?? Infinity },
  seed,
  lora,
  checkpointType,
  microbatchTokens,
  scoringTokens,
  recompute,
  rollout: cacheMegabytes === null ? {} : { cacheBytes: cacheMegabytes * 2 ** 20 },
  keepFreedMemory,
  executor,
  device,
  precision,
  devices,
  sharding,
  pipelined,
  pictures,
});

/** Check settings and fill in the defaults; unknown names and wrong values are errors that name them. */
export function parseSettings(settings: RunSettingsInput = {}): RunSettings {
  return parseOptions("RunSettings", settingsSchema, settings);
}

/** The learner's port: four verbs over whole minibatches. The loss lives outside (loss/loss.ts). */
import type { Products, ProgramRuns } from "../graph/executor.ts";
import type { Divergence } from "../graph/ops/divergence.ts";
import { type AttentionKind, attentionKinds } from "../model/attention-statistics.ts";
import type { EncodedPrompt, GivenTokens } from "../model/model.ts";
import type { EncodedPicture } from "../model/processing/picture.ts";
import { attentionOf, type AttentionOutput } from "./attention-output.ts";

/** Responses to score or to learn from, under one view of their prompts. */
export interface LearnerBatch {
  readonly prompts: readonly EncodedPrompt[];
  /**
   * Response b answers prompts[rows[b].prompt]; nothing is predicted, and all outputs are 0, where an environment wrote
   * (`given`).
   */
  readonly rows: readonly LearnerRow[];
  /** T of log-softmax(logits / T). */
  readonly temperature: number;
  /**
   * The other side of divergences: the same responses under these prompts and weights. Absent where none is asked for.
   */
  readonly against?: Against;
}

/** A response, and what of it an environment wrote; default: nothing. */
export interface LearnerRow {
  readonly prompt: number;
  readonly tokens: Int32Array;
  readonly given?: GivenTokens;
}

export interface Against {
  readonly prompts: readonly EncodedPrompt[];
  /** Which of them each row answers. */
  readonly promptOf: readonly number[];
  /** A kept copy; default: the current weights. */
  readonly weights?: string;
}

/** Outputs that are asked for by their name alone; see Output. */
export type PlainOutput = "logProbs" | "entropy" | "pictureSimilarity" | Divergence;

/**
 * "logProbs": log π(token); "entropy": entropy of the full next-token distribution, nats; "pictureSimilarity": cosine
 * of the token's own last hidden state (after the final norm, the token read) with the mean last hidden state of its
 * prompt's visual tokens, 0 without any; "kl", "reverseKl" and "jsd": divergences of the full next-token distribution
 * from that of the batch's other side (`against`), which is a constant, nats. "pictureAttention(…)": the probability, 0
 * to 1, that the token's own query puts on its prompt's visual tokens, mean over layers and heads, and
 * "pictureAlignment(…)": the mean cosine of its query with their keys, after rotation; 0 without visual tokens. In the
 * brackets stand layers and heads; see attention-output.ts.
 */
export type Output = PlainOutput | AttentionOutput;

/** Outputs as they are asked for: those of attention with the layers beside them. */
export type OutputKind = PlainOutput | AttentionKind;

const plainOutputs = [
  "logProbs",
  "entropy",
  "pictureSimilarity",
  "kl",
  "reverseKl",
  "jsd",
] as const satisfies readonly PlainOutput[];

/** Every kind of output, for option schemas and capabilities. */
export const outputs = [...plainOutputs, ...attentionKinds] as const satisfies readonly OutputKind[];

/** The kind of an output. */
export const kindOf = (output: Output): OutputKind => attentionOf(output)?.kind ?? (output as PlainOutput);

/** The outputs that have an array, those of attention last, by name. */
export function outputsIn(arrays: Outputs): Output[] {
  const attention = Object.keys(arrays)
    .filter((output) => attentionOf(output) !== null)
    .sort() as AttentionOutput[];
  return [...plainOutputs, ...attention].filter((output) => arrays[output] !== undefined);
}

const divergences: readonly (OutputKind | Output)[] = ["kl", "reverseKl", "jsd"] satisfies readonly Divergence[];
export const isDivergence = (output: OutputKind | Output): output is Divergence => divergences.includes(output);

/**
 * Arrays [B, T], T the longest response of the batch, row-major, 0 past each response's end and where an environment
 * wrote.
 */
export type Outputs = Partial<Record<PlainOutput, Float32Array>> & Record<AttentionOutput, Float32Array>;

export interface StepReport {
  /** L2 norm of the accumulated gradient before clipping. */
  readonly gradientNorm: number;
  /** True when the gradient was not finite: the update was skipped, the gradient dropped. */
  readonly skipped: boolean;
  /**
   * Programs run since the last update, the sampler's among them, and how many at sizes known before; absent where
   * every size is served by one program.
   */
  readonly runs?: ProgramRuns;
}

export interface OptimizerSettings {
  /** What updates the weight matrices of hidden layers; everything else is AdamW's. Default AdamW. */
  readonly matrices?: "adamw" | "muon";
  /**
   * How AdamW keeps its moments between updates: 8 bytes a parameter, or 2 (block-quantization.ts). Default "float32".
   */
  readonly moments?: "float32" | "8bit";
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  /** Largest L2 norm of the gradient; larger ones are scaled down. */
  readonly maxGradientNorm: number;
  /** Patterns (picomatch) of parameter names that are not trained. */
  readonly freeze: readonly string[];
}

/** What a learner can give, and how much it holds; a run that needs more is refused before its first step. */
export interface LearnerCapabilities {
  readonly outputs: readonly OutputKind[];
  /**
   * Layers and heads of queries of the decoder, for outputs of attention. Default: those are not checked before they
   * are computed.
   */
  readonly decoder?: { readonly layers: number; readonly heads: number };
  /** Whether `attention` is there. */
  readonly attention: boolean;
  /** Numbers in the weights, and in those of them that are trained. */
  readonly parameters: number;
  readonly trained: number;
  /** Whether `teach` is there. Default false. */
  readonly teachers?: boolean;
  /**
   * Whether passes back drop a part of what they compute with, so that the outputs they return are not what `score`
   * gives. Default false.
   */
  readonly dropout?: boolean;
  /** What computes, with its version: where it is another one, a resumed run's bits may be others. Default: unknown. */
  readonly software?: string;
}

/**
 * What `save` writes: "all" that an exact resume needs; "weights", the same without the optimizer's state; "export",
 * weights for others to read, which cannot be resumed where they are rounded.
 */
export type SavedContent = "all" | "weights" | "export";

export interface Learner {
  readonly capabilities: LearnerCapabilities;
  /** Number of optimizer steps done; equal versions mean equal weights. */
  readonly version: number;
  /**
   * The requested arrays under the current weights or a kept copy of them; no gradient.
   * @param products "int8": matrix products of the decoder in 8 bits, for arrays that nothing exact is compared with;
   *   default "float32"
   */
  score(batch: LearnerBatch, outputs: readonly Output[], weights?: string, products?: Products): Promise<Outputs>;
  /**
   * Accumulate d loss / d parameters from d loss / d output, arrays [B, T] as `score` returns them.
   * Returns the outputs that have a cotangent, as this pass computed them.
   */
  backward(batch: LearnerBatch, cotangents: Outputs): Promise<Outputs>;
  /**
   * Attention that each visual token of a picture receives in the vision tower, [tokens], in token order, under the
   * current weights or a kept copy.
   */
  attention?(picture: EncodedPicture, weights?: string): Promise<Float32Array>;
  /** Clip, update, clear the gradient. @throws DivergedError when the update leaves a weight that is not finite. */
  step(options: { readonly learningRate: number }): Promise<StepReport>;
  /**
   * Keep a copy of the current weights under a name ("reference"). With a decay, move the copy kept before towards them
   * instead: copy ← decay · copy + (1 − decay) · current.
   */
  keep(name: string, decay?: number): Promise<void>;
  /**
   * Open another folder's weights under a name, for `score` and the other side of divergences. @throws Error naming
   * what is wrong with the folder, or what of its tokens and pictures is not the policy's
   */
  teach?(name: string, folder: string): Promise<void>;
  /** sha256 of the trained weights as they are now, in hexadecimal. */
  digest?(): Promise<string>;
  /**
   * Write weights (a Hugging Face folder, or an adapter's) and what else `content` says under `folder`. Default "all".
   */
  save(folder: string, content?: SavedContent): Promise<void>;
  /** Read back what `save` wrote, kept copies included; without optimizer's state that of a new one. */
  load(folder: string): Promise<void>;
}

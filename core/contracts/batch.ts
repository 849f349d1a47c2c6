/** What flows through a step: rows become prompts, prompts get responses, responses become a batch. */
import type { Tensor2D } from "@tensorflow/tfjs-core";
import type { EncodedPrompt } from "../model/model.ts";
import type { Picture } from "../model/processing/picture.ts";
import type { ScoreHandle } from "./scores.ts";

/** A path, or a picture file in memory with a name for messages. */
export type PictureSource = string | { readonly bytes: Uint8Array; readonly name: string };

/** A turn of a conversation before the question. */
export interface Turn {
  readonly role: "user" | "assistant";
  /** `<image>` marks where a picture goes. */
  readonly content: string;
}

/** One row of a dataset. Other columns of the file are kept in `fields`. */
export interface Row {
  /** Unique in its dataset; every random number of the row is keyed by it. */
  readonly id: string;
  /** The user's turn; `<image>` marks where a picture goes. Where no text has a mark, the pictures come before it. */
  readonly prompt: string;
  /** An optional system turn; null leaves it to the chat template. */
  readonly system: string | null;
  /** Turns between the system turn and `prompt`; default none. */
  readonly history?: readonly Turn[];
  /** The pictures, in the order of their marks: in the system turn, the turns before, the prompt. */
  readonly images: readonly PictureSource[];
  readonly answer: string;
  readonly fields: Readonly<Record<string, unknown>>;
  /** Folder that paths in `fields` are relative to; default: the working directory. */
  readonly folder?: string;
}

/** What the views of a prompt follow from, besides its row and key. */
export interface PromptOrigin {
  readonly step: number;
  /** Values in force, by coefficient: a view may read them. */
  readonly coefficients: Readonly<Record<string, number>>;
}

/** A row made ready for one step. `views.get("original")` always exists. */
export interface Prompt {
  /** The row's id. */
  readonly key: string;
  readonly row: Row;
  /** Decoded pictures, before the processor. */
  readonly pictures: readonly Picture[];
  readonly views: ReadonlyMap<string, EncodedPrompt>;
  /** Absent outside of a run's steps. */
  readonly origin?: PromptOrigin;
}

/** A stretch of a response that one side wrote: the policy, or (tools, later turns) its environment. */
export interface Segment {
  readonly source: "policy" | "environment";
  readonly tokens: Int32Array;
}

export interface Response {
  /** Index within its group. */
  readonly index: number;
  readonly segments: readonly Segment[];
  /** All segments' tokens, the stop token included. */
  readonly tokens: Int32Array;
  /** Special tokens left out. */
  readonly text: string;
  /** Special tokens included, but for the one that ended it: some models have `<think>` among them. */
  readonly rawText: string;
  /** What the chat template wrote at its start, before the policy's first token; "" for most. */
  readonly opening: string;
  /** log π(token), log-softmax(logits / T) over the full vocabulary, by the sampler, [length]. */
  readonly logProbs: Float32Array;
  /** The same after bans, top-k and top-p: the distribution that was sampled from, [length]. */
  readonly behaviourLogProbs: Float32Array;
  /** The view of the prompt that it was sampled from; "original" unless a plugin says otherwise. */
  readonly view: string;
  /** "stop": a stop token was sampled; "length": the limit was reached. */
  readonly finish: "stop" | "length";
}

/** A response as its reader sees it: what the template wrote, then what the policy did, special tokens included. */
export const writtenText = ({ opening, rawText }: Pick<Response, "opening" | "rawText">): string => opening + rawText;

/** A response with its reward. */
export interface Sample {
  readonly prompt: Prompt;
  readonly response: Response;
  /** The prompt as this response is scored under, by view: those of its prompt, and those made for it alone. */
  views: ReadonlyMap<string, EncodedPrompt>;
  /** Σ weight · part, as the scorers gave it. */
  readonly scored: number;
  /** What the optimizer sees: at first `scored`; plugins may shape it in the hook `rewards`. */
  reward: number;
  /** Named parts, unweighted: accuracy, format, … */
  readonly parts: Readonly<Record<string, number>>;
  /** True where a scorer failed that asks for the group to be left out then. */
  readonly dropped?: true;
  /** What a scorer wants shown (verdict, error class), by scorer. */
  readonly notes: Readonly<Record<string, string>>;
}

/** All responses to one prompt. */
export interface Group {
  readonly key: string;
  readonly prompt: Prompt;
  readonly samples: readonly Sample[];
  /** The refill round that made it, from 0. */
  readonly round: number;
  /** The learner's version that it was sampled with. */
  readonly version: number;
  /** Sampled in an earlier step and kept for this one by a plugin, under a key of its own. */
  readonly carried?: true;
}

/** A group as the hook `rewards` sees it. */
export interface JudgedGroup extends Group {
  readonly step: number;
  /**
   * Result of a score request of stage "rewards": one array per sample, over its response's tokens or its target's. Empty arrays while
   * the request's coefficient is 0.
   */
  get(handle: ScoreHandle): readonly Float32Array[];
  /** What a registered auxiliary rollout gave for each sample; an empty list for a sample without one. */
  auxiliary(name: string): readonly (readonly Sample[])[];
}

/** The step's experience, whole. B samples, T the longest response. */
export interface Batch {
  readonly step: number;
  readonly samples: readonly Sample[];
  /** Index of each sample's group, [B]. */
  readonly groupOf: Int32Array;
  readonly groups: readonly Group[];
  readonly B: number;
  readonly T: number;
  /** 1 where the policy wrote a token, [B, T]. */
  readonly mask: Tensor2D;
  /** log π_old, [B, T], by the sampler or by the learner as the setting `oldLogProbs` says; 0 outside the mask. */
  readonly oldLogProbs: Tensor2D;
  /** Result of a score request of stage "experience", [B, T], detached. */
  get(handle: ScoreHandle): Tensor2D;
  /**
   * What each response stands for in a request for a share of them, [B, 1]: n / k for the k of its prompt's n responses that were scored, 0 for the others, so
   * that a sum over responses times this is, in the mean over draws, the sum over all. Ones without a share.
   */
  scoredRows(handle: ScoreHandle): Tensor2D;
}

/** The part of a batch that one optimizer step sees. Rows are whole responses. */
export interface Minibatch extends Batch {
  /** log π_θ, [B, T]: a leaf of the loss, its gradient goes to the learner. */
  readonly logProbs: Tensor2D;
  /** [B, T]. */
  readonly advantages: Tensor2D;
  /** Result of any score request; with `gradient: true` a leaf of the loss, else detached, [B, T]. */
  get(handle: ScoreHandle): Tensor2D;
  /**
   * Product of what plugins put on a named term in the hook `weights`, [B, T].
   * Terms with a clip call it with "before_clip"; the pipeline applies "after_clip" itself.
   */
  weights(term: string, slot: "before_clip" | "after_clip"): Tensor2D;
  /** The longest response that sampling allows; the denominator of constant reductions. */
  readonly maxNewTokens: number;
}

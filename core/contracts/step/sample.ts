/** Rows become prompts, prompts get responses, responses rewards. */
import type { EncodedPrompt, GivenTokens } from "../../model/model.ts";
import type { EncodedPicture, Picture } from "../../model/processing/picture.ts";
import type { Row } from "./row.ts";

/** What the views of a prompt follow from, besides its row and key. */
export interface PromptOrigin {
  /** From 1. @unit steps */
  readonly step: number;
  /** Values in force, by coefficient: a view may read them. @unit factor */
  readonly coefficients: Readonly<Record<string, number>>;
}

/** A row made ready for one step. `views.get("original")` always exists. */
export interface Prompt {
  /** The row's id. */
  readonly key: string;
  /** As the hook `prompts` left it. */
  readonly row: Row;
  /** Decoded pictures, before the processor, in the order of their marks. */
  readonly pictures: readonly Picture[];
  /** Tokens and patches by the view's name; those made for each response are in its sample. */
  readonly views: ReadonlyMap<string, EncodedPrompt>;
  /** Absent outside of a run's steps. */
  readonly origin?: PromptOrigin;
}

/**
 * A stretch of a response that one side wrote: the policy in its turn, or its environment (see Environment) between two
 * of them.
 */
export interface Segment {
  /** Who wrote it; only the policy's tokens are trained on. */
  readonly source: "policy" | "environment";
  /**
   * The stop token of a turn included; of the environment, what the chat template writes around its words too,
   * [length]. @unit token ids
   */
  readonly tokens: Int32Array;
  /** Special tokens left out; of the environment its own words, pictures as `<image>`. */
  readonly text: string;
  /** That the environment gave, in the order of their placeholders in `tokens`. Default: none. */
  readonly pictures?: readonly EncodedPicture[];
}

/** What the policy wrote to a prompt; its arrays are as long as its tokens. */
export interface Response {
  /** Index within its group. @unit index */
  readonly index: number;
  /** In order; one where nobody but the policy wrote. Turns of the policy are first and last. */
  readonly segments: readonly Segment[];
  /** All segments' tokens, stop tokens included, [length]. @unit token ids */
  readonly tokens: Int32Array;
  /**
   * What the policy wrote, special tokens left out; turns are joined by new lines, the environment's words are in
   * `segments` alone.
   */
  readonly text: string;
  /** The same with special tokens, but for those that ended a turn: some models have `<think>` among them. */
  readonly rawText: string;
  /** What the chat template wrote at its start, before the policy's first token; "" for most. */
  readonly opening: string;
  /**
   * log π(token), log-softmax(logits / T) over the full vocabulary, by the sampler, [length]; 0 where its environment
   * wrote. @unit nats
   */
  readonly logProbs: Float32Array;
  /** The same after bans, top-k and top-p: the distribution that was sampled from, [length]. @unit nats */
  readonly behaviourLogProbs: Float32Array;
  /** The view of the prompt that it was sampled from; "original" unless a plugin says otherwise. */
  readonly view: string;
  /**
   * "stop": a stop token was sampled; "length": the limit was reached, or the environment's next words would have
   * reached it.
   */
  readonly finish: "stop" | "length";
}

/** What of a response its environment wrote; undefined where nobody but the policy did. */
export function givenTokens({ segments, tokens }: Pick<Response, "segments" | "tokens">): GivenTokens | undefined {
  if (segments.every(({ source }) => source === "policy")) return undefined;
  const flags = new Uint8Array(tokens.length);
  let at = 0;
  for (const { source, tokens: own } of segments) flags.fill(source === "environment" ? 1 : 0, at, (at += own.length));
  return { flags, pictures: segments.flatMap(({ pictures = [] }) => pictures) };
}

/** The tokens that the policy wrote, turn after turn: what lengths and statistics of tokens are of. */
export function policyTokens({ segments, tokens }: Pick<Response, "segments" | "tokens">): Int32Array {
  if (segments.every(({ source }) => source === "policy")) return tokens;
  return Int32Array.from(segments.flatMap(({ source, tokens: own }) => (source === "policy" ? [...own] : [])));
}

/** What the policy wrote last, special tokens left out: where an answer stands that earlier turns worked towards. */
export const lastTurn = ({ segments }: Pick<Response, "segments">): string => segments.at(-1)?.text ?? "";

/** Of an array over a response's tokens, the numbers of those that the policy wrote. */
export function ofPolicy(numbers: Float32Array, response: Pick<Response, "segments" | "tokens">): Float32Array {
  const flags = givenTokens(response)?.flags;
  return flags === undefined ? numbers : numbers.filter((_, token) => flags[token] !== 1);
}

/** A response as its reader sees it: what the template wrote, then what the policy did, special tokens included. */
export const writtenText = ({ opening, rawText }: Pick<Response, "opening" | "rawText">): string => opening + rawText;

/** A response with its reward. */
export interface Sample {
  /** That of its group. */
  readonly prompt: Prompt;
  /** Text, tokens and log-probs. */
  readonly response: Response;
  /** The prompt as this response is scored under, by view: those of its prompt, and those made for it alone. */
  views: ReadonlyMap<string, EncodedPrompt>;
  /** Σ weight · part, as the scorers gave it. @unit reward */
  readonly scored: number;
  /** What the optimizer sees: at first `scored`; plugins may shape it in the hook `rewards`. @unit reward */
  reward: number;
  /** Named parts, unweighted: accuracy, format, …; those that do not apply are left out. @unit that of each scorer */
  readonly parts: Readonly<Record<string, number>>;
  /** True where a scorer failed that asks for the group to be left out then. */
  readonly dropped?: true;
  /** What a scorer wants shown (verdict, error class), by scorer. */
  readonly notes: Readonly<Record<string, string>>;
}

/** All responses to one prompt, in one role. */
export interface Group {
  /** Unique in a step. */
  readonly key: string;
  /** That of all its samples. */
  readonly prompt: Prompt;
  /** [G], by the responses' index. */
  readonly samples: readonly Sample[];
  /** The refill round that made it, from 0. @unit rounds */
  readonly round: number;
  /** The learner's version that it was sampled with. @unit updates before it */
  readonly version: number;
  /** Sampled in an earlier step and kept for this one by a plugin, under a key of its own: see `carriedGroup`. */
  readonly carried?: true;
  /**
   * What log π_old of its responses is: "sampled", the log-probs that they were sampled with, so that a ratio compares
   * with the policy of then. Default: those of the weights before this step's first update. A response to another view
   * than the original has these in any case.
   */
  readonly oldLogProbs?: "sampled";
  /** The trained auxiliary rollout whose responses these are; absent for a step's own groups. */
  readonly role?: string;
  /** Of a role: key of the group with the response that the prompt was made of. */
  readonly madeOf?: string;
}

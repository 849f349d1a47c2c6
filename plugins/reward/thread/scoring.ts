/**
 * Rewards that are computed, in a thread of their own: one that hangs costs its time limit, and neither the run nor its
 * display stands still.
 */
import { policyTokens, writtenText } from "@papo/core";
import type { Row, Run, Scorable, Scored } from "@papo/core";
import { z } from "zod";
import { onFailureSchema } from "../failure.ts";
import { GuardedThread, LateError } from "../../thread/guarded-thread.ts";
import { plainData } from "../../thread/plain-data.ts";

/** A sample as a thread can be sent it. */
export interface ThreadSample {
  readonly prompt: { readonly row: Pick<Row, "id" | "prompt" | "answer" | "fields"> };
  readonly response: {
    /** Special tokens left out. */
    readonly text: string;
    /**
     * What the chat template wrote at the response's start, then its text with special tokens: with `<think>`, whoever
     * wrote it.
     */
    readonly written: string;
    readonly tokens: Int32Array;
  };
}

/** A function of a module that the thread imports. */
export type Score = (sample: ThreadSample, options: never) => Scored | Promise<Scored>;

export interface ScoreQuestion {
  /** Address of the module, and the name that it exports the function by. */
  readonly module: string;
  readonly name: string;
  /** Plain data and regular expressions. */
  readonly options: unknown;
  readonly sample: ThreadSample;
}

/** Options of every reward that is computed in a thread. */
export const limitSchema = {
  /** Milliseconds for one response. */
  limit: z.number().positive().meta({ unit: "milliseconds" }).default(1000),
  /**
   * An error, or a response that takes longer than `limit`: "stop" the run, "drop" the response's group, or give this
   * value, logged and counted.
   */
  onFailure: onFailureSchema,
} as const;

export interface ThreadReward {
  readonly part: string;
  readonly weight: number;
  readonly limit: number;
  readonly onFailure: "stop" | "drop" | number;
}

/** The module of the rewards that ship. */
export const scores = new URL("./scores.ts", import.meta.url);

/** One thread for all rewards of equal limit. */
const threads = new Map<number, GuardedThread<ScoreQuestion, Scored>>();

/**
 * Register a part of the reward that a function of a module gives; `given` goes with each call, the options themselves
 * by default.
 */
export function registerScore(
  { rewards }: Run,
  module: URL,
  name: string,
  reward: ThreadReward,
  given: unknown = reward,
): void {
  const { part, weight, limit, onFailure } = reward;
  const thread =
    threads.get(limit) ??
    new GuardedThread({
      name: "rewards",
      file: new URL("./score-worker.mjs", import.meta.url),
      limit,
      loading: 60_000,
    });
  threads.set(limit, thread);
  const score = async ({ prompt: { row }, response }: Scorable): Promise<Scored> => {
    const { id, prompt, answer, fields } = row;
    const sample: ThreadSample = {
      prompt: { row: { id, prompt, answer, fields: plainData(fields) as Row["fields"] } },
      response: { text: response.text, written: writtenText(response), tokens: policyTokens(response) },
    };
    try {
      return await thread.ask({ module: module.href, name, options: given, sample });
    } catch (error) {
      throw error instanceof LateError
        ? new Error(`the response was not scored within ${limit} ms`, { cause: error })
        : error;
    }
  };
  // The limit is the thread's; waiting for others does not count.
  rewards.register({ name: part, weight, timeoutSeconds: 600, onFailure, score });
}

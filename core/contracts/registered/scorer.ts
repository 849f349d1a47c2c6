/** What gives a response a number. */
import type { Row } from "../step/row.ts";
import type { Sample } from "../step/sample.ts";

/** The sample as a scorer sees it: no reward yet. */
export type Scorable = Pick<Sample, "prompt" | "response">;

/** A named part of the reward: called for every response that was sampled, before the hook `rewards`. */
export interface Scorer {
  /** Unique in a run: names the part. */
  readonly name: string;
  /** Weight in the reward. @unit factor */
  readonly weight: number;
  /** Before the scorer counts as hung. @unit seconds */
  readonly timeoutSeconds: number;
  /**
   * A throw, a time-out or a non-finite number, logged and counted: "stop" the run; "drop" the response's whole group,
   * which is not trained on; or give this value.
   */
  readonly onFailure: OnFailure;
  /**
   * Why responses to a row cannot be judged, null when they can: such a row is left out before anything is sampled, or
   * stops the run, as `onBadRow` says.
   */
  rejects?(row: Row): string | null | Promise<string | null>;
  /**
   * Score one response. Many calls run at once, and the order of their ends changes nothing. The signal fires at the
   * time-out; a scorer that blocks the thread cannot be timed out. null: it does not apply to this response, which then
   * lacks this part: it is left out of the sum and of the part's mean.
   */
  score(sample: Scorable, signal: AbortSignal): Scored | Promise<Scored>;
}

/** What a scorer says of a response; null: it does not apply. */
export type Scored = number | ScoredPart | null;

export type OnFailure = "stop" | "drop" | number;

/** A value with what should be shown beside it. */
export interface ScoredPart {
  /** Finite; by custom from 0 to 1. @unit reward before its weight */
  readonly value: number;
  /** For reports: a verdict, an error's class. */
  readonly note?: string;
}

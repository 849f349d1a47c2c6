/** Scorers give a response named numbers; the pipeline runs them as responses finish and sums them by weight. */
import type { Sample } from "./batch.ts";

/** The sample as a scorer sees it: no reward yet. */
export type Scorable = Pick<Sample, "prompt" | "response">;

export interface Scorer {
  /** Unique in a run: names the part. */
  readonly name: string;
  /** Weight in the reward. */
  readonly weight: number;
  /** Seconds before the scorer counts as hung. */
  readonly timeoutSeconds: number;
  /** A throw, a time-out or a non-finite number: stop the run, or give this value, logged and counted. */
  readonly onFailure: "stop" | number;
  score(sample: Scorable, signal: AbortSignal): number | ScoredPart | Promise<number | ScoredPart>;
}

/** A value with what should be shown beside it. */
export interface ScoredPart {
  readonly value: number;
  readonly note?: string;
}

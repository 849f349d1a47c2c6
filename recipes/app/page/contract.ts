/**
 * What the page asks for and is given: by a server while a run goes on, or frozen in report.html. Numbers have four
 * significant digits.
 */
import type { PictureReference, QuestionTable } from "../report/questions.ts";
import type { Alarm, RolloutHead, SampleRow } from "../report/run-record.ts";
import type { Block } from "./blocks.ts";

/**
 * "pausing", "stopping": asked to, and doing its step to the end; "silent": not at its end, and nobody is known to
 * train it; "evaluation": of a model, no run at all.
 */
export type RunState = "running" | "pausing" | "paused" | "stopping" | "stopped" | "finished" | "silent" | "evaluation";

/** A run at a glance. Everywhere else it is referred to by its index in `Overview.runs`. */
export interface RunHead {
  readonly name: string;
  /** Runs of equal recipe are seeds of one another. */
  readonly recipe: string;
  readonly state: RunState;
  /** How it ended and why, as the run itself wrote it; null where it did not, or has gone on since. */
  readonly ended: string | null;
  /** Steps done. */
  readonly step: number;
  /** Steps to do; null where the folder does not say. */
  readonly steps: number | null;
  /** Mean over the last steps; null before the first. */
  readonly secondsPerStep: number | null;
  /** When its metrics last changed, milliseconds since 1970; null in a report. */
  readonly changed: number | null;
  /** Whether the page may pause and stop it. */
  readonly controls: boolean;
  /** The newest value by metric key. */
  readonly latest: Readonly<Record<string, number>>;
}

/** Which way a curve should go. "none": neither is good in itself. */
export type Better = "up" | "down" | "none";

export interface MetricHead {
  /** What curves are asked by. */
  readonly key: string;
  readonly title: string;
  /** For a table's head. */
  readonly short: string;
  /** What metrics.jsonl calls it, where that is not the key. */
  readonly names: string;
  /** A line: what it is. */
  readonly about: string;
  readonly better: Better;
  /** For the axis; "" for a share or a plain number. */
  readonly unit: string;
  /** Drawn at first. */
  readonly shown: boolean;
  /** Has its button before the fold. */
  readonly first: boolean;
}

export interface AlarmLine extends Alarm {
  readonly run: number;
}

export interface Overview {
  readonly title: string;
  readonly subtitle: string;
  readonly runs: readonly RunHead[];
  readonly metrics: readonly MetricHead[];
  /** Sentences: who is better, and what training did. */
  readonly verdicts: readonly string[];
  /** Tables, bars and notes by section. */
  readonly sections: Readonly<Record<"result" | "ledger" | "errors" | "settings", readonly Block[]>>;
  /** Newest first, the newest alone; `alarmCount` of how many. */
  readonly alarms: readonly AlarmLine[];
  readonly alarmCount: number;
}

/**
 * A metric of a run: a number per bucket of `bucket` steps, each list as long as `steps`, the last step of each bucket.
 */
export interface Curve {
  readonly run: number;
  readonly metric: string;
  readonly steps: readonly number[];
  readonly mean: readonly (number | null)[];
  /** Lowest and highest of the bucket; absent where a bucket is one step. */
  readonly low?: readonly (number | null)[];
  readonly high?: readonly (number | null)[];
}

export interface Curves {
  /** Steps that one number stands for. */
  readonly bucket: number;
  readonly curves: readonly Curve[];
}

export interface CurveRequest {
  readonly metrics: readonly string[];
  /** Steps to show, both included; null: from the first, to the last. */
  readonly from: number | null;
  readonly to: number | null;
  /** Buckets at most. */
  readonly points: number;
}

/** A list for each field of a head, one entry a rollout. */
type HeadLists = { readonly [Field in Exclude<keyof RolloutHead, "verdicts">]: readonly RolloutHead[Field][] };

/** What rollouts are chosen and sorted by: lists of equal length, from the id `from` on. */
export interface RolloutIndex extends HeadLists {
  /** Another version: all ids are new, ask again from 0. */
  readonly version: number;
  readonly from: number;
  /**
   * Rollouts that the runs logged; more than the index holds where a report shows a part of them, or they are still
   * being read.
   */
  readonly total: number;
  /** Whether the folders are still being read for the first time. */
  readonly reading: boolean;
  /** What `verdicts` refers to: each the verdicts of one rollout. */
  readonly verdictSets: readonly (readonly string[])[];
  readonly run: readonly number[];
  readonly verdicts: readonly number[];
}

/** A line of samples.jsonl with what the page shows of its views and pictures. */
export interface ShownRollout extends Omit<SampleRow, "index" | "perceptionKl" | "pictures"> {
  readonly id: number;
  readonly run: number;
  /** Of the first view that was scored. */
  readonly perceptionKl: readonly number[];
  readonly views: readonly { readonly view: string; readonly picture: PictureReference }[];
  /** How many tokens are not shown. */
  readonly cut: number;
}

/** A report's data: every answer that its page will ask for. */
export interface FrozenPage {
  readonly overview: Overview;
  readonly curves: Curves;
  readonly rollouts: RolloutIndex;
  /** By id. */
  readonly records: readonly ShownRollout[];
  readonly questions: QuestionTable;
  /** Data URLs. */
  readonly pictures: readonly string[];
}

/** Revisions of what the server has, sent when one of them changes. */
export type Revisions = Readonly<Record<"overview" | "curves" | "rollouts" | "questions", number>>;

/** Four significant digits; null for what is no number. */
export const short = (value: number | null | undefined): number | null =>
  value === undefined || value === null || !Number.isFinite(value) ? null : Number(value.toPrecision(4));

/** What observers can listen to. Listeners can change nothing: behaviour goes through hooks. */
import type { Emitter } from "mitt";
import type { Group, Sample } from "./step/sample.ts";

/** One step's numbers, known when its updates and the evaluation after it are done. */
export interface StepSummary {
  /** From 1. @unit steps */
  readonly step: number;
  /** Of the whole run. @unit steps */
  readonly steps: number;
  /**
   * Metrics by name: loss/…, reward/…, rollout/…, learner/…, and those of plugins. @unit docs/metrics.md says that of
   * each
   */
  readonly metrics: Readonly<Record<string, number>>;
}

/** What is told to listeners, in the order of a step. */
export interface RunEvents extends Record<string | symbol, unknown> {
  /** A run begins: its plan, one line each (score requests, memory, cost). */
  plan: { readonly lines: readonly string[] };
  /** A response finished and was scored. */
  response: { readonly step: number; readonly sample: Sample };
  /** A group is whole. */
  group: { readonly step: number; readonly group: Group };
  /** A step's experience is known in full, per-token arrays included; comes after its updates. */
  experience: Experience;
  /**
   * Where a step's time went; comes just before `step`. Seconds by phase, and of them by term what its scores cost;
   * tokens sampled. Never part of the metrics, which repeat exactly.
   */
  timing: {
    readonly step: number;
    readonly seconds: Readonly<Record<string, number>>;
    readonly terms: Readonly<Record<string, number>>;
    readonly tokens: number;
    /**
     * Where programs are compiled for each set of sizes: the share of runs at sizes known before. Absent or null
     * elsewhere.
     */
    readonly knownSizes?: number | null;
  };
  /** A step is done; comes after its line in metrics.jsonl, and before the hook `stepped`. */
  step: StepSummary;
  /** Something a person should look at; the run goes on. */
  alarm: { readonly step: number; readonly plugin: string; readonly message: string };
  /** Something was skipped as the user asked for. */
  skip: { readonly step: number; readonly what: string; readonly reason: string };
  /** A checkpoint is written, whole. */
  checkpoint: { readonly step: number; readonly folder: string };
}

/** Every event that the pipeline gives. */
export const eventNames = [
  "plan",
  "response",
  "group",
  "experience",
  "timing",
  "step",
  "alarm",
  "skip",
  "checkpoint",
] as const satisfies readonly Known<keyof RunEvents>[];

type Known<K> = K extends string ? (string extends K ? string : K) : never;

/**
 * A step's samples with named per-token arrays [B, T], row-major, for reports: "advantages" and scores by key
 * (view/weights/output; "current" ones as the first epoch's minibatches saw them).
 */
export interface Experience {
  /** From 1. @unit steps */
  readonly step: number;
  /** [B]. */
  readonly samples: readonly Sample[];
  /** The longest response. @unit tokens */
  readonly T: number;
  /** [B, T] each, row-major, by name. @unit nats, but for "advantages" and pictureSimilarity */
  readonly arrays: Readonly<Record<string, Float32Array>>;
}

export type Events = Pick<Emitter<RunEvents>, "on" | "off" | "emit">;

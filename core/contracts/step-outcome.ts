/** What a step came to. */
import type { StepSummary } from "./events.ts";

export interface StepOutcome {
  readonly summary: StepSummary;
  /** Seconds by phase. */
  readonly seconds: Readonly<Record<string, number>>;
  /** What scores and views that every step does not need anyway cost, in seconds: by term of the loss; by plugin where one asks and gives no term. */
  readonly terms: Readonly<Record<string, number>>;
  /** Tokens sampled. */
  readonly tokens: number;
  /** Of runs of programs that are compiled for each set of sizes, the share that compiled nothing; absent or null where there are none. */
  readonly knownSizes?: number | null;
  readonly skippedRows: number;
  /** What the step was given and sampled, in short digests by name; absent in what earlier versions saved. */
  readonly digests?: Readonly<Record<string, string>>;
}

/** How a run came to its end. */
import type { StepSummary } from "./events.ts";

/** What the hook `ended` is given. */
export interface RunEnding {
  /**
   * "finished": all steps are done; "stopped": a plugin decided so; "interrupted": somebody asked it to stop, a signal
   * or the page; "failed": an error ended it.
   */
  readonly ended: "finished" | "stopped" | "interrupted" | "failed";
  /** A stopping plugin's words, or the error's message; else null. */
  readonly reason: string | null;
  /** Steps done, those before a resume included; 0 where it ended in its first. @unit steps */
  readonly step: number;
  /** Those that the run was to have. @unit steps */
  readonly steps: number;
  /** The last step whose metrics are written, of those that this process did; null where it did none. */
  readonly last: StepSummary | null;
  /** Folder of the newest checkpoint; null where there is none. */
  readonly checkpoint: string | null;
  /** The step that this process went on from; null where it began the run. @unit steps */
  readonly resumedFrom: number | null;
}

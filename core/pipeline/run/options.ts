/** What a run is given and what it says at its end. */
import type { Dataset } from "../../data/dataset.ts";
import type { StartWeights } from "../../checkpoint/checkpoint.ts";
import type { Events } from "../../contracts/events.ts";
import type { StepContext } from "../../contracts/hook-values.ts";
import type { Plugin } from "../../contracts/plugin.ts";
import type { Policy } from "../../contracts/policy.ts";
import type { BegunFolder } from "../../checkpoint/new-folder.ts";
import type { RunSettingsInput } from "../../contracts/settings.ts";

export interface TrainOptions {
  readonly policy: Policy;
  /** The recipe, in order. */
  readonly plugins: readonly Plugin[];
  readonly dataset: Dataset;
  readonly settings?: RunSettingsInput;
  /** Folder of the run; made if need be. */
  readonly output: string;
  /** The same, where the caller has begun it already and ends it. Default: `train` does both. */
  readonly begun?: BegunFolder;
  /** Go on from the newest checkpoint in `output`; without one the run begins at its first step. */
  readonly resume?: boolean;
  /**
   * Digests of the weights as the policy was opened: a resumed run must begin with the same. Default: they are not
   * known.
   */
  readonly weights?: StartWeights;
  /** What was set in place of what the recipe says, "path=value" each: written to run.json. */
  readonly overrides?: readonly string[];
  /** The run file, from `output`, where there is one: written to run.json. */
  readonly runFile?: string;
  /**
   * Go on with other settings or options than the checkpoint's, which is refused otherwise: to see what a step would
   * have been. Default false.
   */
  readonly otherwise?: boolean;
  /** Called before anything is done, to listen to the run. */
  readonly onEvents?: (events: Events) => void;
  /** What is measured between steps. */
  readonly evaluation?: EvaluationInLoop | null;
  /**
   * When it fires, the run ends after the current step, with a checkpoint. No evaluation begins then, and one that is
   * on may end by throwing; a resumed run makes up for it.
   */
  readonly signal?: AbortSignal;
  /**
   * Waited for after each step but the last, its checkpoint written: how a run is paused. When the signal fires
   * meanwhile, the run ends without another step.
   */
  readonly between?: (context: StepContext) => Promise<void>;
  /**
   * When it fires too, the step that is on is given up, as long as no weight was updated in it; the checkpoint is of
   * the steps before.
   */
  readonly giveUp?: AbortSignal;
}

/** A measurement of the policy that goes with the run's metrics. */
export interface EvaluationInLoop {
  /** After every so many steps. */
  readonly every: number;
  /**
   * Metrics of the weights as they are after this step; they must follow from the weights alone, so that a resumed run
   * gives the same.
   * @param goOn with what an interrupted measurement of these weights left
   */
  measure(context: StepContext, goOn: boolean): Promise<Readonly<Record<string, number>>>;
}

export interface TrainSummary {
  /** Steps done, those before a resume included. */
  readonly steps: number;
  /** "finished": all steps; "stopped": a plugin decided so; "interrupted": the signal fired. */
  readonly ended: "finished" | "stopped" | "interrupted";
  /** A stopping plugin's words, else null. */
  readonly reason: string | null;
  /** Folder of the last checkpoint. */
  readonly checkpoint: string;
  /** Of the last step this call ran; empty when there was none left to run. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Rows left out: of the file, and those that `onBadRow` and `onLongPrompt` skip. */
  readonly skippedRows: number;
  /** The checkpoint that was resumed, else null. */
  readonly resumedFrom: string | null;
}

/** Training as every command does it: with a log for the report, a live display, and an orderly end on Ctrl-C. */
import {
  type BegunFolder,
  type Dataset,
  type EvaluationInLoop,
  type OpenPolicy,
  type Plugin,
  type RunSettingsInput,
  type StartWeights,
  train,
  type TrainSummary,
} from "@papo/core";
import { RunLogPlugin } from "@papo/plugins";
import type { Display, RunShown } from "./display/display.ts";
import { RunControl } from "./run-control.ts";
import { hold, type Hold } from "./stopping.ts";

export interface SessionOptions {
  /** Shown in the display. */
  readonly name: string;
  readonly policy: OpenPolicy;
  readonly plugins: readonly Plugin[];
  readonly dataset: Dataset;
  readonly settings: RunSettingsInput;
  readonly output: string;
  /** The same, where the caller has begun it. */
  readonly begun?: BegunFolder;
  readonly display: Display;
  readonly resume?: boolean;
  /** Digests of the weights as they were opened. */
  readonly weights?: StartWeights;
  /** What was set from outside, for run.json. */
  readonly overrides?: readonly string[];
  /** The run file, from the output folder, for run.json. */
  readonly runFile?: string;
  /** Called once, when the first step is done. */
  readonly onFirstStep?: () => void;
  /** Called once, when its folder is the run's. */
  readonly onBegin?: () => void;
  /** What the display shows besides its steps. */
  readonly shown?: RunShown;
  /** What is measured between steps. */
  readonly evaluation?: EvaluationInLoop | null;
  /** Who may pause and stop it besides the signals. */
  readonly control?: RunControl;
  /** What the signals stop, where that is more than the training. Default: they stop the training. */
  readonly stop?: Hold;
}

export async function trainWithDisplay(options: SessionOptions): Promise<TrainSummary> {
  const {
    name,
    policy,
    plugins,
    dataset,
    settings,
    output,
    begun,
    display,
    weights,
    resume = false,
    evaluation = null,
    overrides = [],
    runFile,
    onFirstStep,
    onBegin,
    shown: parts,
    control = new RunControl(),
    stop: given,
  } = options;
  const log = new RunLogPlugin({ folder: output, decode: (tokens) => policy.processor.decode(tokens) });
  const stop = given ?? hold({ say: sayStopping(display) });
  const askToStop = (): void => control.ask("stop");
  stop.signal.addEventListener("abort", askToStop);
  const shown: ReturnType<Display["run"]>[] = [];
  const unfollow = control.follow((state) => {
    // Of a signal it is said already, with the limit.
    if (state === "stopping" && !stop.signal.aborted) display.line("stopping after this step");
    else if (state !== "stopping")
      display.line(state === "running" ? "the run goes on" : state === "paused" ? "paused" : "pausing after this step");
    for (const run of shown) run.paused?.(state === "paused");
  });
  if (stop.signal.aborted) askToStop();
  try {
    return await train({
      policy,
      ...(weights === undefined ? {} : { weights }),
      plugins: [...plugins, log],
      dataset,
      settings,
      output,
      ...(begun === undefined ? {} : { begun }),
      resume,
      evaluation,
      overrides,
      ...(runFile === undefined ? {} : { runFile }),
      signal: control.signal,
      giveUp: stop.giveUp,
      between: () => control.between(),
      onEvents: (events) => {
        onBegin?.();
        shown.push(display.run(name, events, parts));
        let begun = false;
        events.on("step", () => {
          if (!begun) onFirstStep?.();
          begun = true;
        });
      },
    });
  } finally {
    for (const run of shown) run.end();
    unfollow();
    stop.signal.removeEventListener("abort", askToStop);
    if (given === undefined) stop.release();
  }
}

/** Says what a stop will do. */
export const sayStopping =
  (display: Display) =>
  (limit: number | null): void => {
    const within = limit === null ? "" : `, within ${limit} s`;
    display.line(`stopping after this step${within}; Ctrl-C again stops at once`);
  };

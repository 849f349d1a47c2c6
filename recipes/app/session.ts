/** Training as every command does it: with a log for the report, a live display, and an orderly end on Ctrl-C. */
import { type BegunFolder, type Dataset, type EvaluationInLoop, type OpenPolicy, type Plugin, type RunSettingsInput, train, type TrainSummary } from "@papo/core";
import { RunLogPlugin } from "@papo/plugins";
import type { Display } from "./display/display.ts";
import { RunControl } from "./run-control.ts";

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
  /** What was set from outside, for run.json. */
  readonly overrides?: readonly string[];
  /** Called once, when the first step is done. */
  readonly onFirstStep?: () => void;
  /** What is measured between steps. */
  readonly evaluation?: EvaluationInLoop | null;
  /** Who may pause and stop it besides Ctrl-C. */
  readonly control?: RunControl;
}

export async function trainWithDisplay(options: SessionOptions): Promise<TrainSummary> {
  const { name, policy, plugins, dataset, settings, output, begun, display, resume = false, evaluation = null, overrides = [], onFirstStep, control = new RunControl() } = options;
  const log = new RunLogPlugin({ folder: output, decode: (tokens) => policy.processor.decode(tokens) });
  const release = stopOnInterrupt(control);
  const shown: ReturnType<Display["run"]>[] = [];
  const unfollow = control.follow((state) => {
    if (state === "stopping") display.line("stopping after this step; Ctrl-C again stops at once");
    else display.line(state === "running" ? "the run goes on" : state === "paused" ? "paused" : "pausing after this step");
    for (const run of shown) run.paused?.(state === "paused");
  });
  try {
    return await train({
      policy,
      plugins: [...plugins, log],
      dataset,
      settings,
      output,
      ...(begun === undefined ? {} : { begun }),
      resume,
      evaluation,
      overrides,
      signal: control.signal,
      between: () => control.between(),
      onEvents: (events) => {
        shown.push(display.run(name, events));
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
    release();
  }
}

/** The first Ctrl-C asks the run to stop; the second ends the process. */
function stopOnInterrupt(control: RunControl): () => void {
  const onInterrupt = (): void => {
    if (control.signal.aborted) process.exit(130);
    control.ask("stop");
  };
  process.on("SIGINT", onInterrupt);
  return () => process.off("SIGINT", onInterrupt);
}

/** Training as every command does it: with a log for the report, a live display, and an orderly end on Ctrl-C. */
import { type BegunFolder, type Dataset, type EvaluationInLoop, type OpenPolicy, type Plugin, type RunSettingsInput, train, type TrainSummary } from "@papo/core";
import { RunLogPlugin } from "@papo/plugins";
import type { Display } from "./display/display.ts";

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
}

export async function trainWithDisplay(options: SessionOptions): Promise<TrainSummary> {
  const { name, policy, plugins, dataset, settings, output, begun, display, resume = false, evaluation = null, overrides = [], onFirstStep } = options;
  const log = new RunLogPlugin({ folder: output, decode: (tokens) => policy.processor.decode(tokens) });
  const interrupt = stopOnInterrupt(() => display.line("stopping after this step; Ctrl-C again stops at once"));
  const shown: { end(): void }[] = [];
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
      signal: interrupt.signal,
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
    interrupt.release();
  }
}

/** The first Ctrl-C fires the signal; the second ends the process. */
function stopOnInterrupt(say: () => void): { readonly signal: AbortSignal; release(): void } {
  const controller = new AbortController();
  const onInterrupt = (): void => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort();
    say();
  };
  process.on("SIGINT", onInterrupt);
  return { signal: controller.signal, release: () => process.off("SIGINT", onInterrupt) };
}

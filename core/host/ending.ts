/**
 * The end of a run, told to its plugins: what they do wrong then is an alarm, since everything of the run is written.
 */
import type { RunEnding } from "../contracts/ending.ts";
import type { RunHooks } from "../contracts/hooks.ts";
import type { StepMetrics } from "./metrics.ts";
import type { PluginStates, SavedState } from "./plugin-state.ts";
import type { Warnings } from "./warnings.ts";

/** What plugins could change, and nobody would have any more. */
export interface Ended {
  readonly hooks: Pick<RunHooks, "ended">;
  readonly metrics: StepMetrics;
  readonly states: PluginStates;
  readonly warnings: Warnings;
}

/** Call the hook `ended`; never throws. */
export async function tellEnd(ending: RunEnding, { hooks, metrics, states, warnings }: Ended): Promise<void> {
  metrics.close();
  const before = savedOf(states);
  await hooks.ended.promise(ending);
  const after = savedOf(states);
  if (before === null || after === null) return;
  for (const [plugin, cells] of Object.entries(after)) {
    if (JSON.stringify(cells) === JSON.stringify(before[plugin])) continue;
    warnings.once(
      plugin,
      'changed its state in hook "ended", after the last checkpoint: a resumed run will not have it; write a file into run.output',
    );
  }
}

/** Null where it cannot be saved, which may be what ended the run. */
function savedOf(states: PluginStates): SavedState | null {
  try {
    return states.save();
  } catch {
    return null;
  }
}

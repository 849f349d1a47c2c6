/** One run of a comparison, in a process of its own: `node run-variant.js <job as JSON>`, or .ts with a loader. */
import { renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import {
  exitAtOnce,
  flushFiles,
  learnerSettings,
  openJsonl,
  openPolicyInProcess,
  parseSettings,
  type Plugin,
  train,
} from "@papo/core";
import { PerceptionProbePlugin, RandomMaskPlugin, RunLogPlugin } from "@papo/plugins";
import { answeringOf, evaluateShapes } from "../tasks/shapes/evaluation.ts";
import { taskPlugins, type Task } from "../tasks/task.ts";
import { endWithParent } from "./side-by-side.ts";
import type { Variant } from "./variant.ts";
import { madePreset } from "../../presets/written-preset.ts";
import { complain } from "../display/say.ts";

export interface Job {
  readonly variant: Variant;
  readonly seed: number;
  /** Null: the recipe's own. */
  readonly steps: number | null;
  readonly task: Pick<Task, "strength">;
  /** The folder of the model to begin with. */
  readonly model: string;
  /** JSONL files of scenes to train on and to measure on. */
  readonly train: string;
  readonly unseen: string;
  readonly folder: string;
}

/** Train and measure; see `isDone`. */
export async function runJob({
  variant,
  seed,
  steps,
  task,
  model,
  train: trainFile,
  unseen,
  folder,
}: Job): Promise<void> {
  const { plugins, settings } = madePreset(variant);
  // Only a run that may be rolled back needs checkpoints.
  const checkpoints =
    variant.options["onCollapse"] === "roll_back" ? { checkpointEvery: 3, keepCheckpoints: 8 } : { checkpointEvery: 0 };
  const chosen = { ...settings, seed, ...(steps === null ? {} : { steps }), ...checkpoints };
  // One thread: models this small gain more from two runs side by side.
  const policy = await openPolicyInProcess({ folder: model, threads: 1, ...learnerSettings(parseSettings(chosen)) });
  try {
    const log = new RunLogPlugin({ folder, decode: (tokens) => policy.processor.decode(tokens) });
    await train({
      policy,
      plugins: [...taskPlugins(task), ...plugins, ...probe(plugins), log],
      dataset: await openJsonl(trainFile),
      settings: chosen,
      output: folder,
    });
    const measured = join(folder, "evaluation", "measuring");
    rmSync(measured, { recursive: true, force: true });
    await evaluateShapes({
      policy,
      dataset: await openJsonl(unseen),
      sampled: false,
      output: measured,
      ...answeringOf(plugins, chosen),
    });
    await flushFiles(measured);
    renameSync(measured, join(folder, "evaluation", "after"));
  } finally {
    await policy.close();
  }
}

/** The same measure of what the picture does to each run, whether its recipe has a masked view or not. */
export function probe(plugins: readonly Plugin[]): Plugin[] {
  const masked = plugins.some(({ name }) => name === "RandomMaskPlugin" || name === "SemanticMaskPlugin");
  return [...(masked ? [] : [new RandomMaskPlugin()]), new PerceptionProbePlugin()];
}

if (process.argv[2] !== undefined && /run-variant\.[jt]s$/.test(process.argv[1] ?? "")) {
  endWithParent(() => exitAtOnce(1, "SIGTERM"));
  await runJob(JSON.parse(process.argv[2]) as Job).catch((error: unknown) => {
    complain((error as Error).message);
    process.exitCode = 1;
  });
}

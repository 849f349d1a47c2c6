/** The embedded tasks by the names that commands take: what is asked, and which model begins. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { makeFolder, writeFolderAtomic } from "@papo/core";
import type { Plugin } from "@papo/core";
import type { GivenOptions, Options } from "../command-line/options.ts";
import { UsageError } from "../command-line/command.ts";
import { tinySteps } from "../../presets/index.ts";
import { writeDataset, type RowRange } from "./shapes/dataset.ts";
import { ShapesRewardPlugin } from "./shapes/reward-plugin.ts";
import type { Split } from "./shapes/scene.ts";
import { pictureGrids, startModelFolder } from "./shapes/start-model.ts";
import { writeShortcuts } from "./shortcut/examples.ts";
import { PriorProbePlugin } from "./shortcut/prior-probe.ts";
import { priorNames, type PriorName } from "./shortcut/priors.ts";
import { makeShortcutStart, startSteps } from "./shortcut/start-model.ts";

export interface Task {
  /** As it is written: "shapes", "shortcut:caption". */
  readonly name: string;
  readonly prior: PriorName | null;
  /** Of the training questions, the share about which the prior is right; null where there is no prior. */
  readonly strength: number | null;
  /** For who watches a run of it: what is in it beside what is to be seen; null where there is nothing. */
  readonly about: string | null;
  /** Steps of a run, where the recipe's own are not meant; null: they are. */
  readonly steps: number | null;
  /** What is trained where nobody says what, as labels of variants. */
  readonly recipes: readonly string[];
  /** Write rows and pictures into a folder; see `writeDataset`. @returns the path of rows.jsonl */
  writeRows(folder: string, rows: RowRange & { readonly split: Split; readonly seed: number }): Promise<string>;
  /**
   * The folder of the model that training begins with: the shipped one, or made in `folder` where it was not made there
   * before.
   */
  startModel(folder: string, onStep?: (done: number, steps: number) => void): Promise<string>;
}

/** Of the unseen questions, the share about which the prior is right, whatever its strength. */
const testRightShare = 0.5;

const shapes: Task = {
  name: "shapes",
  prior: null,
  strength: null,
  about: null,
  steps: null,
  recipes: ["grpo", "papo"],
  writeRows: (folder, rows) => writeDataset(folder, { ...rows, grids: pictureGrids }),
  startModel: () => Promise.resolve(startModelFolder),
};

/** The prior whose starting model is shipped. */
export const shippedPrior: PriorName = "suggestion";
export const shippedStart = fileURLToPath(new URL("./shortcut/start-model", import.meta.url));

const abouts: Readonly<Record<PriorName, string>> = {
  suggestion: "An answer is suggested before each question",
  skew: "One answer to each kind of question is frequent",
  caption: "What is to be seen is said before each question",
  presupposition: "Something is taken for granted before each question",
};

const percent = (share: number): string => `${Number((100 * share).toFixed(1))} %`;

const shortcut = (prior: PriorName, strength: number): Task => ({
  name: `shortcut:${prior}`,
  prior,
  strength,
  about: `${abouts[prior]}, right about ${percent(strength)} of the training questions and ${percent(testRightShare)} of the unseen ones. The model begins by going by it and could look.`,
  steps: shortcutSteps,
  recipes: ["grpo", "papo:gamma=0.2"],
  writeRows: (folder, rows) =>
    writeShortcuts(folder, { ...rows, prior, rightShare: rows.split === "train" ? strength : testRightShare }),
  startModel: (folder, onStep) =>
    prior === shippedPrior ? Promise.resolve(shippedStart) : madeStart(prior, folder, onStep),
});

/** Whole or not at all: one that was cut off is begun anew. */
export async function madeStart(
  prior: PriorName,
  folder: string,
  onStep: (done: number, steps: number) => void = () => {},
): Promise<string> {
  const made = join(folder, prior);
  if (!existsSync(made)) {
    makeFolder(folder);
    await writeFolderAtomic(made, (making) => makeShortcutStart(prior, making, ({ step }) => onStep(step, startSteps)));
  }
  return join(made, "model");
}

export const taskNames = ["shapes", "shortcut", ...priorNames.map((prior) => `shortcut:${prior}` as const)] as const;

const defaultStrength = 0.6;
const shortcutSteps = 40;

/** Of the option `--steps`. */
export const stepsText = `Steps of each run; without it ${tinySteps}, and ${shortcutSteps} of a shortcut task.`;

export const taskOptions = (task: (typeof taskNames)[number]) =>
  ({
    task: {
      kind: "choice",
      value: "<name>",
      choices: taskNames,
      default: task,
      text: `What is trained on: ${taskNames.join(", ")}. The shortcut tasks put a prior beside what is to be seen (docs/evidence.md); shortcut alone is shortcut:${shippedPrior}.`,
    },
    strength: {
      kind: "number",
      value: "<share>",
      least: 0,
      text: `Of a shortcut task: the share of the training questions about which the prior is right, ${defaultStrength} without it.`,
    },
  }) as const satisfies Options;

/** The task that `--task` and `--strength` name. @throws UsageError */
export function taskOf({ task, strength }: GivenOptions<ReturnType<typeof taskOptions>>): Task {
  if (task === "shapes") {
    if (strength !== undefined)
      throw new UsageError(["--strength is of shortcut tasks: there is no prior in the task shapes"]);
    return shapes;
  }
  if (strength !== undefined && strength > 1)
    throw new UsageError([`--strength is a share from 0 to 1, not ${strength}`]);
  return shortcut(priorNames.find((name) => task.endsWith(`:${name}`)) ?? shippedPrior, strength ?? defaultStrength);
}

/** What a run of a task begins with: its rewards, and what tells right priors from wrong ones. */
export const taskPlugins = ({ strength }: Pick<Task, "strength">): Plugin[] => [
  new ShapesRewardPlugin(),
  ...(strength === null ? [] : [new PriorProbePlugin()]),
];

/** Runs of the tabular policy on letters, as one writes them in a test. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { TrainOptions } from "../../../../core/pipeline/run/options.ts";
import { BanditPlugin, banditSettings, letterRows, ScorerPlugin, temporaryFolder } from "../../../support/bandit.ts";
import { tabularPolicy, type TabularPolicy } from "../../../support/tabular-policy.ts";

export type BanditOptions = Omit<TrainOptions, "policy" | "output"> & {
  readonly policy: { readonly learner: TabularPolicy } & TrainOptions["policy"];
  readonly output: string;
};

/** A run that learns in twelve steps, changed. */
export const options = (changes: Partial<BanditOptions> = {}): BanditOptions => ({
  policy: tabularPolicy(),
  plugins: [new ScorerPlugin(), new BanditPlugin()],
  dataset: letterRows,
  settings: banditSettings,
  output: temporaryFolder(),
  ...changes,
});

export const settings = (changes: object) => ({ settings: { ...banditSettings, ...changes } });

/** Of each step. */
export const readMetrics = (output: string): Record<string, number>[] =>
  readFileSync(join(output, "metrics.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => (JSON.parse(line) as { metrics: Record<string, number> }).metrics);

/** A metric in each step. */
export const column = (output: string, name: string): (number | undefined)[] =>
  readMetrics(output).map((metrics) => metrics[name]);

/** What all peers' options have in common: paths, lists, loggers, averaging, rewards. */
import { basename } from "node:path";
import type { Draft } from "./draft.ts";

/** A folder for what a hub's name stands for: nothing is downloaded. A path stays. */
export function takeModel(draft: Draft, key: string): void {
  const name = draft.text(key);
  if (name === undefined) return;
  draft.model = localPath(name, "models");
  if (draft.model !== name) draft.remark(key, "nothing is downloaded: put the model's folder there", "model");
}

/** Data of a key: a file, a folder, "name@split", or a list of them of which the first is taken. */
export function takeData(
  draft: Draft,
  key: string,
  into: Record<string, unknown>,
  place: "data" | "evaluation" = "data",
): void {
  const value = draft.take(key);
  if (value === undefined || value === "") return;
  const [first, ...others] = Array.isArray(value) ? (value as unknown[]) : [value];
  if (others.length > 0)
    draft.remark(key, "several sources are a list of them, each with a weight: only the first is here", place);
  const [name = "", split] = String(first).split("@");
  into["path"] = localPath(name, "data");
  if (split !== undefined) into["split"] = split;
  if (into["path"] !== name) draft.remark(key, "nothing is downloaded: put the files there", place);
}

function localPath(name: string, folder: string): string {
  const isPath = /^([./~]|[A-Za-z]:[\\/])/.test(name) || /\.(parquet|jsonl?|csv|tsv|arrow)$/i.test(name);
  if (!isPath && !name.includes("$")) return `./${folder}/${basename(name)}`;
  return name.replace(/^(~|\$HOME|\$\{HOME\})(?=\/)/, "..").replace(/\$\{?\w+\}?/g, "x");
}

/** Weights that are not trained. */
export function takeFreeze(draft: Draft, key: string): void {
  if (draft.take(key) === true) draft.set("optimizer.freeze", ["model.visual.**"], key);
}

const loggers: Readonly<Record<string, string>> = {
  tensorboard: "TensorBoardPlugin",
  wandb: "WandbPlugin",
  trackio: "TrackioPlugin",
};

/** Loggers that are named; those that a peer has by default are not put on anybody. */
export function takeLoggers(draft: Draft, key: string, project: string | undefined): void {
  const value = draft.has(key) ? draft.take(key) : undefined;
  const names = (Array.isArray(value) ? (value as unknown[]) : value === undefined ? [] : [value]).map(String);
  for (const name of names.flatMap((one) => (one === "all" ? Object.keys(loggers) : [one]))) {
    const plugin = loggers[name];
    if (plugin !== undefined)
      draft.plugins.push({
        name: plugin,
        options:
          project !== undefined && plugin !== "TensorBoardPlugin" ? { project: project.replace(/[^\w-]/g, "-") } : {},
      });
    else if (!["none", "console", "file"].includes(name))
      draft.leave(
        key,
        `there is no logger for ${name}: TensorBoardPlugin, CsvPlugin, WandbPlugin, TrackioPlugin`,
        "plugins",
      );
  }
}

/**
 * Saves every n steps; what is no number of steps turns it off there. Where the file is silent, this project's own
 * number holds.
 */
export function takeCheckpoints(draft: Draft, every: string, keep: string, modelOnly?: string): void {
  const [steps, kept] = [draft.number(every), draft.number(keep)];
  if (steps !== undefined) draft.set("checkpointEvery", Math.max(0, steps), every);
  if (kept !== undefined && kept > 0) draft.set("keepCheckpoints", kept, keep);
  if (modelOnly !== undefined && draft.take(modelOnly) === true) draft.set("checkpointOptimizer", false, modelOnly);
}

/** The first of the names that is given, as the recipe's or a setting's value. */
export function choose(
  draft: Draft,
  key: string,
  values: Readonly<Record<string, string>>,
  what: string,
): string | undefined {
  const value = draft.text(key);
  if (value === undefined) return undefined;
  const chosen = values[value];
  if (chosen === undefined) draft.leave(key, `there is no ${what} "${value}"`);
  return chosen;
}

export const decays = {
  constant: "constant",
  constant_with_warmup: "constant",
  linear: "linear",
  cosine: "cosine",
  cosine_with_min_lr: "cosine",
};

/** Steps of the warm-up, given as such or as a share of the run's. A number below 0 is none. */
export function takeWarmup(draft: Draft, stepsKey: string, ratioKey: string, steps: number | undefined): void {
  const [given, ratio] = [draft.number(stepsKey), draft.number(ratioKey)];
  const share = given !== undefined && given > 0 && given < 1 ? given : (given ?? 0) > 0 ? undefined : ratio;
  if (given !== undefined && given >= 1) draft.set("warmupSteps", given, stepsKey);
  else if (share !== undefined && share > 0) {
    const key = given !== undefined && given > 0 ? stepsKey : ratioKey;
    if (steps === undefined) draft.leave(key, `warmupSteps counts steps: ${share} × the run's steps`, "settings");
    else draft.set("warmupSteps", Math.round(share * steps), key);
  }
}

/** Steps, given as such or as passes over data whose length nobody here knows. */
export function takeSteps(draft: Draft, stepsKey: string, epochsKey: string): number | undefined {
  const [steps, epochs] = [draft.number(stepsKey), draft.number(epochsKey)];
  if (steps !== undefined && steps > 0) return steps;
  if (epochs !== undefined)
    draft.leave(epochsKey, "a run counts steps: set steps to passes × rows / promptsPerStep", "settings");
  return undefined;
}

/** LoRA, where there is one. */
export function takeLora(
  draft: Draft,
  prefix: Readonly<
    Record<"rank" | "alpha" | "targetModules" | "excludeModules", string> & { readonly dropout?: string }
  >,
  on: boolean,
): void {
  const [rank, alpha, dropout] = [
    draft.number(prefix.rank),
    draft.number(prefix.alpha),
    prefix.dropout === undefined ? undefined : draft.number(prefix.dropout),
  ];
  const [targets, excluded] = [draft.take(prefix.targetModules), draft.take(prefix.excludeModules)];
  if (!on) return;
  draft.set("lora.rank", rank, prefix.rank);
  draft.set("lora.alpha", alpha, prefix.alpha);
  draft.set("lora.dropout", dropout, prefix.dropout ?? "");
  const list = (value: unknown): unknown =>
    typeof value === "string" && /^\w+(,\w+)+$/.test(value) ? value.split(",") : value;
  draft.set("lora.targetModules", list(targets), prefix.targetModules);
  draft.set("lora.excludeModules", list(excluded), prefix.excludeModules);
}

export const estimators = { low_var_kl: "k3", k3: "k3", kl: "k1", k1: "k1", mse: "k2", k2: "k2" };

/** grpo() has the term with the estimate k3; another estimate is the plugin's own option. */
export function klTerm(draft: Draft, on: boolean, coefficient: number, estimator: string, reduction: string): void {
  draft.method.options["referenceKl"] = on && estimator === "k3" ? coefficient : 0;
  if (on && estimator !== "k3")
    draft.plugins.push({ name: "ReferenceKlPlugin", options: { coefficient, estimator, reduction } });
}

export const pythonReward = "it is Python: write it as the run file's reward, or as a plugin";

/** What verl and EasyR1, which grew out of it, say in the same words under different roots. */
import { decays, choose, takeCheckpoints, takeData, takeSteps, takeWarmup } from "./common.ts";
import type { Draft } from "./draft.ts";

export interface Roots {
  /** Prompts of a step, and of a round of sampling. */
  readonly batch: string;
  readonly round: string;
  readonly mini: string;
  readonly steps: string;
  readonly rollout: string;
  readonly optim: string;
  readonly warmupRatio: string;
  readonly clip: string;
  readonly keep: string;
  readonly evalEvery: string;
  readonly evalSamples: string;
  readonly evalTemperature: string;
}

export function takeVerlWords(draft: Draft, roots: Roots): void {
  takeData(draft, "data.train_files", draft.data);
  for (const [key, column] of [
    ["data.prompt_key", "prompt"],
    ["data.image_key", "images"],
    ["data.answer_key", "answer"],
  ] as const) {
    const name = draft.has(key) ? draft.text(key) : undefined;
    if (name !== undefined) columns(draft)[column] = name;
  }
  draft.set("seed", draft.take("data.seed"), "data.seed");
  batches(draft, roots);
  sampling(draft, roots);
  optimizer(draft, roots);
  takeCheckpoints(draft, "trainer.save_freq", roots.keep, "trainer.save_model_only");
  evaluation(draft, roots);
}

function batches(draft: Draft, roots: Roots): void {
  const [batch, mini] = [draft.number(roots.batch), draft.number(roots.mini)];
  draft.set("promptsPerStep", batch, roots.batch);
  if (batch !== undefined && mini !== undefined && mini < batch) draft.set("promptsPerMinibatch", mini, roots.mini);
  draft.set("promptsPerRound", draft.take(roots.round), roots.round);
  draft.set("samplesPerPrompt", draft.number(`${roots.rollout}.n`), `${roots.rollout}.n`);
}

function sampling(draft: Draft, { rollout }: Roots): void {
  draft.set("sampling.temperature", draft.number(`${rollout}.temperature`), `${rollout}.temperature`);
  draft.set("sampling.topP", draft.number(`${rollout}.top_p`), `${rollout}.top_p`);
  const most = draft.number(`${rollout}.top_k`);
  if (most !== undefined) draft.set("sampling.topK", Math.max(0, most), `${rollout}.top_k`);
  draft.set("sampling.maxNewTokens", draft.number("data.max_response_length"), "data.max_response_length");
  draft.set("maxPromptTokens", draft.number("data.max_prompt_length"), "data.max_prompt_length");
  if (draft.take("data.filter_overlong_prompts") === true)
    draft.set("onLongPrompt", "skip", "data.filter_overlong_prompts");
  if ((draft.text("data.truncation") ?? "error") !== "error")
    draft.leave(
      "data.truncation",
      "prompts are never cut: they stop the run, or are skipped (onLongPrompt)",
      "settings",
    );
}

function optimizer(draft: Draft, { optim, clip, steps: stepsKey, warmupRatio }: Roots): void {
  draft.set("learningRate", draft.number(`${optim}.lr`), `${optim}.lr`);
  draft.set("optimizer.weightDecay", draft.number(`${optim}.weight_decay`), `${optim}.weight_decay`);
  const betas = draft.take(`${optim}.betas`);
  if (Array.isArray(betas)) for (const at of [0, 1]) draft.set(`optimizer.beta${at + 1}`, betas[at], `${optim}.betas`);
  draft.set("optimizer.maxGradientNorm", draft.number(clip), clip);
  const earlier = draft.has(`${optim}.warmup_style`);
  for (const key of [`${optim}.warmup_style`, `${optim}.lr_scheduler_type`])
    if (!earlier || draft.has(key)) draft.set("decay", choose(draft, key, decays, "course of the learning rate"), key);
  draft.set("finalFraction", draft.number(`${optim}.min_lr_ratio`), `${optim}.min_lr_ratio`);
  const steps = takeSteps(draft, stepsKey, "trainer.total_epochs");
  draft.set("steps", steps, stepsKey);
  takeWarmup(draft, `${optim}.lr_warmup_steps`, warmupRatio, steps);
}

function evaluation(draft: Draft, { evalEvery, evalSamples, evalTemperature }: Roots): void {
  const rows: Record<string, unknown> = {};
  takeData(draft, "data.val_files", rows, "evaluation");
  const [every, samples, temperature] = [
    draft.number(evalEvery),
    draft.number(evalSamples),
    draft.number(evalTemperature),
  ];
  if (rows["path"] === undefined) return;
  draft.evaluation["data"] = {
    ...rows,
    ...(draft.data["columns"] === undefined ? {} : { columns: draft.data["columns"] }),
  };
  if (every !== undefined && every > 0) draft.evaluation["every"] = every;
  if (samples !== undefined && samples > 1) draft.evaluation["samples"] = samples;
  if (temperature !== undefined) draft.evaluation["temperature"] = temperature;
}

export const columns = (draft: Draft): Record<string, unknown> =>
  (draft.data["columns"] ??= {}) as Record<string, unknown>;

/** Advantages that are a plugin here. @returns whether the KL is in the return, as REINFORCE++ has it */
export function takeAdvantage(draft: Draft): void {
  const key = "algorithm.adv_estimator";
  const name = draft.text(key) ?? "grpo";
  if (name === "rloo" || name === "rloo_vectorized")
    draft.method.advantage = { name: "LeaveOneOutAdvantagePlugin", options: {} };
  else if (name === "reinforce_plus_plus")
    draft.method.advantage = {
      name: "WhitenedAdvantagePlugin",
      options: { baseline: "none", discount: draft.number("algorithm.gamma") ?? 1 },
    };
  else if (name === "reinforce_plus_plus_baseline")
    draft.method.advantage = { name: "WhitenedAdvantagePlugin", options: { baseline: "group" } };
  else if (name === "gae")
    draft.leave(key, "it needs a critic, and there is none here: GRPO's advantages stand in its place", "plugins");
  else if (!["grpo", "grpo_vectorized", "dapo"].includes(name))
    draft.leave(key, "GRPO's advantages stand in its place; plugins/README.md has others", "plugins");
}

export interface Clip {
  readonly clipLow: number;
  readonly clipHigh: number;
  readonly reduction: string;
}

/**
 * Objectives that are a plugin here. @param names the peer's, of the objectives with a ratio of the whole response, by
 * their form
 */
export function takeObjective(
  draft: Draft,
  key: string,
  plain: string,
  names: Readonly<Record<string, "sequence" | "token">>,
  { clipLow, clipHigh, reduction }: Clip,
  taus: readonly [string, string],
): void {
  const name = draft.text(key) ?? plain;
  if (Object.hasOwn(names, name))
    draft.method.objective = {
      name: "SequenceObjectivePlugin",
      options: { clipLow, clipHigh, form: names[name], reduction },
    };
  else if (name === "cispo")
    draft.method.objective = {
      name: "WeightedObjectivePlugin",
      options: { form: "verl", clipLow: Math.min(1, clipLow), clipHigh, reduction },
    };
  else if (name === "sapo")
    draft.method.objective = {
      name: "SoftObjectivePlugin",
      options: { positive: draft.number(taus[0]), negative: draft.number(taus[1]), reduction },
    };
  else if (name !== plain)
    draft.leave(key, "the clipped objective stands in its place; plugins/README.md has others", "plugins");
}

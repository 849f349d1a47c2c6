/** TRL 1.16's GRPOConfig, with transformers' TrainingArguments, ModelConfig and the script's own. */
import { choose, decays, takeCheckpoints, takeData, takeLoggers, takeLora, takeModel, takeSteps, takeWarmup } from "./common.ts";
import type { Draft } from "./draft.ts";

const reductions = { grpo: "sequence_mean", dapo: "token_mean", bnpo: "token_mean", dr_grpo: "constant" };

/** What TRL does where the file is silent and this project does otherwise. */
export function fromTrl(draft: Draft): void {
  takeModel(draft, "model_name_or_path");
  takeData(draft, "dataset_name", draft.data);
  const split = draft.text("dataset_train_split");
  if (split !== undefined) draft.data["split"] = split;
  draft.output = draft.text("output_dir") ?? draft.output;
  batches(draft);
  for (const [key, path] of [["seed", "seed"], ["num_iterations", "epochs"], ["temperature", "sampling.temperature"], ["top_p", "sampling.topP"], ["max_prompt_length", "maxPromptTokens"], ["adam_beta1", "optimizer.beta1"], ["adam_beta2", "optimizer.beta2"], ["adam_epsilon", "optimizer.epsilon"], ["gradient_checkpointing", "recompute"]] as const) draft.set(path, draft.take(key), key);
  draft.set("sampling.topK", Math.max(0, draft.number("top_k") ?? 0), "top_k");
  draft.set("sampling.maxNewTokens", draft.number("max_completion_length") ?? 512, "max_completion_length");
  draft.set("learningRate", draft.number("learning_rate") ?? 1e-6, "learning_rate");
  draft.set("optimizer.weightDecay", draft.number("weight_decay") ?? 0, "weight_decay");
  draft.set("optimizer.maxGradientNorm", draft.number("max_grad_norm") ?? 1, "max_grad_norm");
  draft.set("decay", draft.text("lr_scheduler_type") === undefined ? "linear" : choose(draft, "lr_scheduler_type", decays, "course of the learning rate"), "lr_scheduler_type");
  if (/8bit/.test(draft.text("optim") ?? "")) draft.set("optimizer.moments", "8bit", "optim");
  takeCheckpoints(draft, "save_steps", "save_total_limit", "save_only_model");
  takeLora(draft, { rank: "lora_r", alpha: "lora_alpha", dropout: "lora_dropout", targetModules: "lora_target_modules", excludeModules: "lora_exclude_modules" }, draft.take("use_peft") === true);
  objective(draft);
  takeLoggers(draft, "report_to", undefined);
  rewards(draft);
}

/** TRL counts responses on each device between two updates; here a step is one round of prompts. */
function batches(draft: Draft): void {
  const [size, accumulated] = [draft.number("per_device_train_batch_size") ?? 8, draft.number("gradient_accumulation_steps") ?? 1];
  const group = draft.number("num_generations") ?? 8;
  const perGeneration = draft.number("steps_per_generation") ?? accumulated;
  const generated = draft.number("generation_batch_size") ?? size * perGeneration;
  const prompts = generated / group;
  draft.set("samplesPerPrompt", group, "num_generations");
  if (Number.isInteger(prompts)) draft.set("promptsPerStep", prompts, "per_device_train_batch_size");
  else draft.leave("per_device_train_batch_size", `${generated} responses are no whole number of prompts with ${group} each: with more devices they are; set promptsPerStep`);
  draft.remark("per_device_train_batch_size", "responses of one device there; with several devices multiply promptsPerStep by their number");
  const updated = (size * accumulated) / group;
  if (updated < prompts && Number.isInteger(updated)) draft.set("promptsPerMinibatch", updated, "steps_per_generation");
  const updates = Math.max(1, perGeneration / accumulated) * (draft.number("num_iterations") ?? 1);
  const given = takeSteps(draft, "max_steps", "num_train_epochs");
  const steps = given === undefined ? undefined : Math.ceil(given / updates);
  draft.set("steps", steps, "max_steps");
  if (steps !== given) draft.remark("max_steps", `a step there is one update: ${updates} of them are one here`);
  takeWarmup(draft, "warmup_steps", "warmup_ratio", steps);
}

function objective(draft: Draft): void {
  const low = draft.number("epsilon") ?? 0.2;
  const clipHigh = draft.number("epsilon_high") ?? low;
  const reduction = draft.take("loss_type") === undefined ? "token_mean" : (choose(draft, "loss_type", reductions, "average of the loss in grpo()") ?? "token_mean");
  Object.assign(draft.recipe, { clipLow: low, clipHigh, dualClip: draft.number("delta") ?? null, reduction, referenceKl: draft.number("beta") ?? 0 });
  const scaled = draft.take("scale_rewards");
  if (scaled === false || scaled === "none") draft.recipe["normalise"] = false;
  else if (scaled === "batch") draft.leave("scale_rewards", "advantages are divided by their own group's deviation");
  if ((draft.text("importance_sampling_level") ?? "token") !== "token") draft.leave("importance_sampling_level", "list SequenceObjectivePlugin in place of grpo()'s ClippedObjectivePlugin");
  if (draft.take("mask_truncated_completions") === true) draft.plugins.push({ name: "OverlongFilterPlugin", options: {} });
  const bonus = draft.number("entropy_coef") ?? 0;
  if (bonus > 0) draft.plugins.push({ name: "EntropyPenaltyPlugin", options: { coefficient: bonus, direction: "maximise", estimate: "full" } });
}

function rewards(draft: Draft): void {
  const value = draft.take("reward_funcs");
  const names = (Array.isArray(value) ? (value as unknown[]) : value === undefined ? [] : [value]).map(String);
  const weights = (draft.take("reward_weights") ?? []) as number[];
  names.forEach((name, at) => {
    const weight = Array.isArray(weights) ? (weights[at] ?? 1) : 1;
    if (/(^|_)accuracy_reward$/.test(name)) draft.plugins.push({ name: "MathRewardPlugin", options: { weight } });
    else if (name === "think_format_reward") draft.plugins.push({ name: "FormatRewardPlugin", options: { weight } });
    else draft.leave("reward_funcs", `${name} is a Python function: write it as the run file's reward, or as a plugin`);
  });
}

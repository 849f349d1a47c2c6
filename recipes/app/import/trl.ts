/** TRL's GRPOConfig, with transformers' TrainingArguments, ModelConfig and the script's own. */
import {
  choose,
  decays,
  klTerm,
  takeCheckpoints,
  takeData,
  takeLoggers,
  takeLora,
  takeModel,
  takeSteps,
  takeWarmup,
} from "./common.ts";
import type { Draft } from "./draft.ts";

const reductions = {
  grpo: "sequence_mean",
  dapo: "token_mean",
  bnpo: "token_mean",
  cispo: "token_mean",
  sapo: "sequence_mean",
  dr_grpo: "constant",
};

export function fromTrl(draft: Draft): void {
  takeModel(draft, "model_name_or_path");
  takeData(draft, "dataset_name", draft.data);
  const split = draft.text("dataset_train_split");
  if (split !== undefined) draft.data["split"] = split;
  draft.output = draft.text("output_dir") ?? draft.output;
  batches(draft);
  for (const [key, path] of [
    ["seed", "seed"],
    ["num_iterations", "epochs"],
    ["temperature", "sampling.temperature"],
    ["top_p", "sampling.topP"],
    ["max_completion_length", "sampling.maxNewTokens"],
    ["max_prompt_length", "maxPromptTokens"],
    ["learning_rate", "learningRate"],
    ["weight_decay", "optimizer.weightDecay"],
    ["max_grad_norm", "optimizer.maxGradientNorm"],
    ["adam_beta1", "optimizer.beta1"],
    ["adam_beta2", "optimizer.beta2"],
    ["adam_epsilon", "optimizer.epsilon"],
    ["gradient_checkpointing", "recompute"],
    ["lr_scheduler_kwargs.min_lr_rate", "finalFraction"],
  ] as const)
    draft.set(path, draft.take(key), key);
  draft.set("sampling.topK", Math.max(0, draft.number("top_k") ?? 0), "top_k");
  draft.set("decay", choose(draft, "lr_scheduler_type", decays, "course of the learning rate"), "lr_scheduler_type");
  if (/8bit/.test(draft.text("optim") ?? "")) draft.set("optimizer.moments", "8bit", "optim");
  takeCheckpoints(draft, "save_steps", "save_total_limit", "save_only_model");
  const adapted = draft.take("use_peft") === true;
  takeLora(
    draft,
    {
      rank: "lora_r",
      alpha: "lora_alpha",
      dropout: "lora_dropout",
      targetModules: "lora_target_modules",
      excludeModules: "lora_exclude_modules",
    },
    adapted,
  );
  if (draft.take("use_rslora") === true && adapted) draft.set("lora.useRslora", true, "use_rslora");
  objective(draft);
  takeLoggers(draft, "report_to", undefined);
  rewards(draft);
}

/** TRL counts responses on each device between two updates; here a step is one round of prompts. */
function batches(draft: Draft): void {
  const [size, accumulated] = [
    draft.number("per_device_train_batch_size") ?? 8,
    draft.number("gradient_accumulation_steps") ?? 1,
  ];
  const group = draft.number("num_generations") ?? 8;
  const perGeneration = draft.number("steps_per_generation") ?? accumulated;
  const generated = draft.number("generation_batch_size") ?? size * perGeneration;
  const prompts = generated / group;
  draft.set("samplesPerPrompt", group, "num_generations");
  if (Number.isInteger(prompts)) draft.set("promptsPerStep", prompts, "per_device_train_batch_size");
  else
    draft.leave(
      "per_device_train_batch_size",
      `${generated} responses are no whole number of prompts with ${group} each: with more devices they are; set promptsPerStep`,
      "settings",
    );
  draft.remark(
    "per_device_train_batch_size",
    "responses of one device there; with several devices multiply promptsPerStep by their number",
    "settings",
  );
  const updated = (size * accumulated) / group;
  if (updated < prompts && Number.isInteger(updated)) draft.set("promptsPerMinibatch", updated, "steps_per_generation");
  const updates = Math.max(1, perGeneration / accumulated) * (draft.number("num_iterations") ?? 1);
  const given = takeSteps(draft, "max_steps", "num_train_epochs");
  const steps = given === undefined ? undefined : Math.ceil(given / updates);
  draft.set("steps", steps, "max_steps");
  if (steps !== given)
    draft.remark("max_steps", `a step there is one update: ${updates} of them are one here`, "settings");
  takeWarmup(draft, "warmup_steps", "warmup_ratio", steps);
}

function objective(draft: Draft): void {
  const clipLow = draft.number("epsilon") ?? 0.2;
  const clipHigh = draft.number("epsilon_high") ?? clipLow;
  const kind = draft.text("loss_type");
  const reduction = choose(draft, "loss_type", reductions, "objective") ?? "token_mean";
  Object.assign(draft.method.options, { clipLow, clipHigh, dualClip: draft.number("delta") ?? null, reduction });
  if (kind === "cispo")
    draft.method.objective = {
      name: "WeightedObjectivePlugin",
      options: { form: "trl", maxRatio: clipHigh, reduction },
    };
  else if (kind === "sapo")
    draft.method.objective = {
      name: "SoftObjectivePlugin",
      options: {
        positive: draft.number("sapo_temperature_pos"),
        negative: draft.number("sapo_temperature_neg"),
        logRatioClamp: null,
        reduction,
      },
    };
  else if (draft.text("importance_sampling_level") === "sequence")
    draft.method.objective = {
      name: "SequenceObjectivePlugin",
      options: { form: "sequence", clipLow, clipHigh, reduction },
    };
  const beta = draft.number("beta") ?? 0;
  klTerm(draft, beta > 0, beta, "k3", reduction);
  if (beta > 0 && draft.take("use_bias_correction_kl") === true)
    draft.remark(
      "beta",
      "TRL multiplies the KL of a token by its probability ratio (use_bias_correction_kl); here it counts as it is",
      "plugins",
    );
  const scaled = draft.take("scale_rewards");
  if (scaled === false || scaled === "none") draft.method.options["normalise"] = false;
  else if (scaled === "batch")
    draft.leave("scale_rewards", "advantages are divided by their own group's deviation", "plugins");
  if (draft.take("mask_truncated_completions") === true)
    draft.plugins.push({ name: "OverlongFilterPlugin", options: {} });
  const bonus = draft.number("entropy_coef") ?? 0;
  if (bonus > 0)
    draft.plugins.push({
      name: "EntropyPenaltyPlugin",
      options: { coefficient: bonus, direction: "maximise", estimate: "full" },
    });
}

function rewards(draft: Draft): void {
  const value = draft.take("reward_funcs");
  const names = (Array.isArray(value) ? (value as unknown[]) : value === undefined ? [] : [value]).map(String);
  const weights = (draft.take("reward_weights") ?? []) as number[];
  names.forEach((name, at) => {
    const weight = Array.isArray(weights) ? (weights[at] ?? 1) : 1;
    if (/(^|_)accuracy_reward$/.test(name)) draft.plugins.push({ name: "MathRewardPlugin", options: { weight } });
    else if (name === "think_format_reward") draft.plugins.push({ name: "FormatRewardPlugin", options: { weight } });
    else if (name === "get_soft_overlong_punishment")
      draft.before.push({
        name: "OverlongPenaltyPlugin",
        options: { maxLength: 1280, cache: 256, factor: weight, beyond: "flat" },
      });
    else
      draft.leave(
        "reward_funcs",
        `${name} is a Python function: write it as the run file's reward, or as a plugin`,
        "plugins",
      );
  });
}

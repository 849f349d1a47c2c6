/** verl 0.8 and EasyR1 0.3.3, which share their words under different roots. */
import { choose, decays, estimators, takeCheckpoints, takeData, takeFreeze, takeLoggers, takeLora, takeModel, takeSteps, takeWarmup } from "./common.ts";
import type { Draft } from "./draft.ts";

const actor = "actor_rollout_ref.actor";
const rollout = "actor_rollout_ref.rollout";
const model = "actor_rollout_ref.model";

export function fromVerl(draft: Draft): void {
  takeModel(draft, `${model}.path`);
  shared(draft, { batch: "data.train_batch_size", steps: "trainer.total_training_steps", mini: `${actor}.ppo_mini_batch_size`, rollout, optim: `${actor}.optim`, evalEvery: "trainer.test_freq", evalSamples: `${rollout}.val_kwargs.n`, evalTemperature: `${rollout}.val_kwargs.temperature`, keep: "trainer.max_actor_ckpt_to_keep", clip: `${actor}.grad_clip` }, { batch: 1024, mini: 256, response: 512, prompt: 512 });
  draft.output = draft.text("trainer.default_local_dir") ?? draft.output;
  draft.set("epochs", draft.take(`${actor}.ppo_epochs`), `${actor}.ppo_epochs`);
  draft.set("recompute", draft.take(`${model}.enable_gradient_checkpointing`), `${model}.enable_gradient_checkpointing`);
  takeFreeze(draft, `${actor}.freeze_vision_tower`);
  takeLora(draft, { rank: `${model}.lora_rank`, alpha: `${model}.lora_alpha`, dropout: `${model}.lora_dropout`, targetModules: `${model}.target_modules`, excludeModules: `${model}.exclude_modules` }, false);
  const both = draft.number(`${actor}.clip_ratio`) ?? 0.2;
  const reduction = choose(draft, `${actor}.loss_agg_mode`, { "token-mean": "token_mean", "seq-mean-token-mean": "sequence_mean", "seq-mean-token-sum": "sequence_sum", "seq-mean-token-sum-norm": "constant_sum" }, "average of the loss") ?? "token_mean";
  Object.assign(draft.recipe, { clipLow: draft.number(`${actor}.clip_ratio_low`) ?? both, clipHigh: draft.number(`${actor}.clip_ratio_high`) ?? both, dualClip: draft.number(`${actor}.clip_ratio_c`) ?? 3, reduction });
  const coefficient = draft.number(`${actor}.kl_loss_coef`) ?? 0.001;
  const estimator = choose(draft, `${actor}.kl_loss_type`, { ...estimators, "k3+": "k3_k2", "low_var_kl+": "k3_k2" }, "estimate of the KL") ?? "k3";
  klTerm(draft, draft.take(`${actor}.use_kl_loss`) === true, coefficient, estimator, reduction);
  const rewarded = draft.number("algorithm.kl_ctrl.kl_coef") ?? 0.001;
  if (draft.take("algorithm.use_kl_in_reward") === true) draft.plugins.push({ name: "ReferenceKlRewardPlugin", options: { coefficient: rewarded } });
  if (draft.take("algorithm.norm_adv_by_std_in_grpo") === false) draft.recipe["normalise"] = false;
  const bonus = draft.number(`${actor}.entropy_coeff`) ?? 0;
  if (bonus > 0) draft.plugins.push({ name: "EntropyPenaltyPlugin", options: { coefficient: bonus, direction: "maximise", estimate: "full", reduction } });
  const [filtered, metric, rounds] = [draft.take("algorithm.filter_groups.enable"), draft.text("algorithm.filter_groups.metric"), draft.number("algorithm.filter_groups.max_num_gen_batches")];
  if (filtered === true) draft.plugins.unshift({ name: "DynamicSamplingPlugin", options: { metric: metric === "acc" ? "accuracy" : "reward", ...(rounds !== undefined && rounds > 0 ? { rounds } : {}) } });
  if ((draft.text(`${actor}.policy_loss.loss_mode`) ?? "vanilla") !== "vanilla") draft.leave(`${actor}.policy_loss.loss_mode`, "list that objective's plugin in place of grpo()'s ClippedObjectivePlugin; plugins/README.md");
  overlong(draft);
  if (draft.text("custom_reward_function.path") !== undefined) draft.leave("custom_reward_function.path", "it is Python: write it as the run file's reward, or as a plugin");
  takeLoggers(draft, "trainer.logger", draft.text("trainer.project_name"));
  estimatorOfAdvantage(draft);
}

export function fromEasyR1(draft: Draft): void {
  const own = "worker.actor";
  takeModel(draft, `${own}.model.model_path`);
  shared(draft, { batch: "data.rollout_batch_size", steps: "trainer.max_steps", mini: `${own}.global_batch_size`, rollout: "worker.rollout", optim: `${own}.optim`, evalEvery: "trainer.val_freq", evalSamples: "worker.rollout.val_override_config.n", evalTemperature: "worker.rollout.val_override_config.temperature", keep: "trainer.save_limit", clip: `${own}.max_grad_norm` }, { batch: 512, mini: 256, response: 512, prompt: 512 });
  draft.output = draft.text("trainer.save_checkpoint_path") ?? draft.output;
  draft.set("epochs", draft.take(`${own}.ppo_epochs`), `${own}.ppo_epochs`);
  draft.set("recompute", draft.take(`${own}.model.enable_gradient_checkpointing`), `${own}.model.enable_gradient_checkpointing`);
  for (const [key, path] of [["data.min_pixels", "pictures.minPixels"], ["data.max_pixels", "pictures.maxPixels"], ["data.mini_rollout_batch_size", "promptsPerRound"]] as const) draft.set(path, draft.take(key), key);
  takeFreeze(draft, `${own}.model.freeze_vision_tower`);
  takeLora(draft, { rank: `${own}.model.lora.rank`, alpha: `${own}.model.lora.alpha`, dropout: `${own}.model.lora.dropout`, targetModules: `${own}.model.lora.target_modules`, excludeModules: `${own}.model.lora.exclude_modules` }, false);
  const answer = draft.text("data.answer_key");
  if (answer !== undefined) columns(draft)["answer"] = answer;
  const reduction = choose(draft, `${own}.loss_avg_mode`, { token: "token_mean", seq: "sequence_mean" }, "average of the loss") ?? "token_mean";
  Object.assign(draft.recipe, { clipLow: draft.number(`${own}.clip_ratio_low`) ?? 0.2, clipHigh: draft.number(`${own}.clip_ratio_high`) ?? 0.3, dualClip: draft.number(`${own}.clip_ratio_dual`) ?? 3, reduction });
  const coefficient = draft.number("algorithm.kl_coef") ?? 0.001;
  const estimator = choose(draft, "algorithm.kl_penalty", estimators, "estimate of the KL") ?? "k1";
  const [off, inLoss] = [draft.take("algorithm.disable_kl") === true, draft.take("algorithm.use_kl_loss") === true];
  klTerm(draft, !off && inLoss, coefficient, estimator, reduction);
  if (!off && !inLoss) draft.plugins.push({ name: "ReferenceKlRewardPlugin", options: { coefficient } });
  const [key, low, high, rounds] = [draft.text("algorithm.filter_key"), draft.number("algorithm.filter_low") ?? 0.01, draft.number("algorithm.filter_high") ?? 0.99, draft.number("trainer.max_try_make_batch") ?? 20];
  if (draft.take("algorithm.online_filtering") === true) draft.plugins.unshift({ name: "DynamicSamplingPlugin", options: { metric: key === undefined || key === "overall" ? "reward" : key, keep: "between", low, high, ...(rounds > 0 ? { rounds } : {}) } });
  if ((draft.text(`${own}.loss_type`) ?? "default") !== "default") draft.leave(`${own}.loss_type`, "list that objective's plugin in place of grpo()'s ClippedObjectivePlugin; plugins/README.md");
  if (/^adamw_bf16$/.test(draft.text(`${own}.optim.strategy`) ?? "")) draft.leave(`${own}.optim.strategy`, "weights and moments are float32 here, or 8-bit moments (optimizer.moments)");
  template(draft);
  const reward = draft.text("worker.reward.reward_function");
  if (/\/(math|r1v)\.py(:|$)/.test(reward ?? "")) {
    draft.plugins.push({ name: "MathRewardPlugin", options: {} }, { name: "FormatRewardPlugin", options: {} });
    draft.remark("worker.reward.reward_function", "taken as its example of that name: 0.9 for the answer and 0.1 for the format");
  } else if (reward !== undefined) draft.leave("worker.reward.reward_function", "it is Python: write it as the run file's reward, or as a plugin");
  takeLoggers(draft, "trainer.logger", draft.text("trainer.project_name"));
  estimatorOfAdvantage(draft);
}

type Roots = Readonly<Record<"batch" | "steps" | "mini" | "rollout" | "optim" | "evalEvery" | "evalSamples" | "evalTemperature" | "keep" | "clip", string>>;

function shared(draft: Draft, roots: Roots, defaults: Readonly<Record<"batch" | "mini" | "response" | "prompt", number>>): void {
  takeData(draft, "data.train_files", draft.data);
  const validation: Record<string, unknown> = {};
  takeData(draft, "data.val_files", validation);
  for (const [key, column] of [["data.prompt_key", "prompt"], ["data.image_key", "images"]] as const) {
    const name = draft.text(key);
    if (name !== undefined) columns(draft)[column] = name;
  }
  const seed = draft.take("data.seed");
  draft.set("seed", seed, "data.seed");
  const batch = draft.number(roots.batch) ?? defaults.batch;
  const mini = draft.number(roots.mini) ?? defaults.mini;
  draft.set("promptsPerStep", batch, roots.batch);
  if (mini < batch) draft.set("promptsPerMinibatch", mini, roots.mini);
  draft.set("samplesPerPrompt", draft.number(`${roots.rollout}.n`) ?? 1, `${roots.rollout}.n`);
  draft.set("sampling.temperature", draft.number(`${roots.rollout}.temperature`), `${roots.rollout}.temperature`);
  draft.set("sampling.topP", draft.number(`${roots.rollout}.top_p`), `${roots.rollout}.top_p`);
  const most = draft.number(`${roots.rollout}.top_k`);
  if (most !== undefined) draft.set("sampling.topK", Math.max(0, most), `${roots.rollout}.top_k`);
  draft.set("sampling.maxNewTokens", draft.number("data.max_response_length") ?? defaults.response, "data.max_response_length");
  draft.set("maxPromptTokens", draft.number("data.max_prompt_length") ?? defaults.prompt, "data.max_prompt_length");
  if (draft.take("data.filter_overlong_prompts") === true) draft.set("onLongPrompt", "skip", "data.filter_overlong_prompts");
  if ((draft.text("data.truncation") ?? "error") !== "error") draft.leave("data.truncation", "prompts are never cut: they stop the run, or are skipped (onLongPrompt)");
  draft.set("learningRate", draft.number(`${roots.optim}.lr`) ?? 1e-6, `${roots.optim}.lr`);
  draft.set("optimizer.weightDecay", draft.number(`${roots.optim}.weight_decay`), `${roots.optim}.weight_decay`);
  const betas = draft.take(`${roots.optim}.betas`);
  if (Array.isArray(betas)) for (const at of [0, 1]) draft.set(`optimizer.beta${at + 1}`, betas[at], `${roots.optim}.betas`);
  draft.set("optimizer.maxGradientNorm", draft.number(roots.clip), roots.clip);
  for (const key of [`${roots.optim}.warmup_style`, `${roots.optim}.lr_scheduler_type`]) draft.set("decay", choose(draft, key, decays, "course of the learning rate"), key);
  draft.set("finalFraction", draft.number(`${roots.optim}.min_lr_ratio`), `${roots.optim}.min_lr_ratio`);
  const steps = takeSteps(draft, roots.steps, "trainer.total_epochs");
  draft.set("steps", steps, roots.steps);
  takeWarmup(draft, `${roots.optim}.lr_warmup_steps`, roots.optim.startsWith("worker") ? `${roots.optim}.lr_warmup_ratio` : `${roots.optim}.lr_warmup_steps_ratio`, steps);
  takeCheckpoints(draft, "trainer.save_freq", roots.keep, "trainer.save_model_only");
  const [every, samples, temperature] = [draft.number(roots.evalEvery), draft.number(roots.evalSamples), draft.number(roots.evalTemperature)];
  if (validation["path"] !== undefined) {
    draft.evaluation["data"] = { ...validation, ...(draft.data["columns"] === undefined ? {} : { columns: draft.data["columns"] }) };
    if (every !== undefined && every > 0) draft.evaluation["every"] = every;
    if (samples !== undefined && samples > 1) draft.evaluation["samples"] = samples;
    if (temperature !== undefined) draft.evaluation["temperature"] = temperature;
  }
}

const columns = (draft: Draft): Record<string, unknown> => (draft.data["columns"] ??= {}) as Record<string, unknown>;

/** grpo() has the term with the estimate k3; another estimate is the plugin's own option. */
function klTerm(draft: Draft, on: boolean, coefficient: number, estimator: string, reduction: string): void {
  draft.recipe["referenceKl"] = on && estimator === "k3" ? coefficient : 0;
  if (on && estimator !== "k3") draft.plugins.push({ name: "ReferenceKlPlugin", options: { coefficient, estimator, reduction } });
}

function overlong(draft: Draft): void {
  const root = "reward_model.reward_kwargs.overlong_buffer_cfg";
  const [on, cache, factor] = [draft.take(`${root}.enable`), draft.number(`${root}.len`), draft.number(`${root}.penalty_factor`)];
  if (on === true && cache !== undefined) draft.plugins.unshift({ name: "OverlongPenaltyPlugin", options: { cache, ...(factor === undefined ? {} : { factor }) } });
}

function estimatorOfAdvantage(draft: Draft): void {
  if ((draft.text("algorithm.adv_estimator") ?? "grpo") !== "grpo") draft.leave("algorithm.adv_estimator", "list that estimator's plugin in place of grpo()'s GroupAdvantagePlugin; plugins/README.md");
}

/** EasyR1 reads a template of jinja from a file; here the template is a text. */
function template(draft: Draft): void {
  const key = "data.format_prompt";
  if (draft.text(key) !== undefined) draft.leave(key, "it is a file of jinja: write its text as data.template, {prompt} in place of {{ content | trim }}");
}

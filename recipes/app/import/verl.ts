/** verl 0.8 and 0.9. */
import { choose, estimators, klTerm, pythonReward, takeFreeze, takeLoggers, takeLora, takeModel } from "./common.ts";
import type { Draft } from "./draft.ts";
import { takeAdvantage, takeObjective, takeVerlWords } from "./verl-words.ts";

const actor = "actor_rollout_ref.actor";
const rollout = "actor_rollout_ref.rollout";
const model = "actor_rollout_ref.model";

/** How verl averages a loss; rows without a token count in none of its means. */
const reductions = {
  "token-mean": "token_mean",
  "seq-mean-token-mean": "sequence_mean_nonempty",
  "seq-mean-token-sum": "sequence_sum_nonempty",
  "seq-mean-token-sum-norm": "constant",
};

export function fromVerl(draft: Draft): void {
  takeModel(draft, `${model}.path`);
  const sampled = draft.take(`${rollout}.val_kwargs.do_sample`) === true;
  takeVerlWords(draft, {
    batch: "data.train_batch_size",
    round: "data.gen_batch_size",
    mini: `${actor}.ppo_mini_batch_size`,
    steps: "trainer.total_training_steps",
    rollout,
    optim: `${actor}.optim`,
    warmupRatio: `${actor}.optim.lr_warmup_steps_ratio`,
    clip: draft.has(`${actor}.optim.clip_grad`) ? `${actor}.optim.clip_grad` : `${actor}.grad_clip`,
    keep: "trainer.max_actor_ckpt_to_keep",
    evalEvery: "trainer.test_freq",
    evalSamples: `${rollout}.val_kwargs.n`,
    evalTemperature: `${rollout}.val_kwargs.temperature`,
  });
  if (!sampled && draft.evaluation["data"] !== undefined) draft.evaluation["temperature"] = 0;
  draft.output = draft.text("trainer.default_local_dir") ?? draft.output;
  draft.set("epochs", draft.take(`${actor}.ppo_epochs`), `${actor}.ppo_epochs`);
  draft.set(
    "recompute",
    draft.take(`${model}.enable_gradient_checkpointing`),
    `${model}.enable_gradient_checkpointing`,
  );
  takeFreeze(draft, `${actor}.freeze_vision_tower`);
  const adapted = (draft.number(`${model}.lora_rank`) ?? 0) > 0;
  takeLora(
    draft,
    {
      rank: `${model}.lora_rank`,
      alpha: `${model}.lora_alpha`,
      targetModules: `${model}.target_modules`,
      excludeModules: `${model}.exclude_modules`,
    },
    adapted,
  );
  draft.set("lora.start", draft.text(`${model}.lora_adapter_path`), `${model}.lora_adapter_path`);
  objective(draft);
  filter(draft);
  overlong(draft);
  for (const key of ["reward.custom_reward_function.path", "custom_reward_function.path"])
    if (draft.text(key) !== undefined) draft.leave(key, pythonReward);
  takeLoggers(draft, "trainer.logger", draft.text("trainer.project_name"));
  takeAdvantage(draft);
}

function objective(draft: Draft): void {
  const reduction = choose(draft, `${actor}.loss_agg_mode`, reductions, "average of the loss") ?? "token_mean";
  const [clipLow, clipHigh] = [
    draft.number(`${actor}.clip_ratio_low`) ?? 0.2,
    draft.number(`${actor}.clip_ratio_high`) ?? 0.2,
  ];
  const both = draft.number(`${actor}.clip_ratio`);
  if (both !== clipLow || both !== clipHigh)
    draft.remark(
      `${actor}.clip_ratio`,
      `it has no effect there beside clip_ratio_low ${clipLow} and clip_ratio_high ${clipHigh}, which hold`,
      "plugins",
    );
  Object.assign(draft.method.options, {
    clipLow,
    clipHigh,
    dualClip: draft.number(`${actor}.clip_ratio_c`) ?? 3,
    reduction,
  });
  takeObjective(
    draft,
    `${actor}.policy_loss.loss_mode`,
    "vanilla",
    { gspo: "token" },
    { clipLow, clipHigh, reduction },
    [`${actor}.tau_pos`, `${actor}.tau_neg`],
  );
  const coefficient = draft.number(`${actor}.kl_loss_coef`) ?? 0;
  const estimator =
    choose(
      draft,
      `${actor}.kl_loss_type`,
      { ...estimators, "k3+": "k3_k2", "low_var_kl+": "k3_k2" },
      "estimate of the KL",
    ) ?? "k3";
  klTerm(draft, draft.take(`${actor}.use_kl_loss`) === true, coefficient, estimator, reduction);
  const rewarded = draft.number("algorithm.kl_ctrl.kl_coef") ?? 0;
  if (draft.take("algorithm.use_kl_in_reward") === true)
    draft.plugins.push({ name: "ReferenceKlRewardPlugin", options: { coefficient: rewarded } });
  if (draft.take("algorithm.norm_adv_by_std_in_grpo") === false) draft.method.options["normalise"] = false;
  const bonus = draft.number(`${actor}.entropy_coeff`) ?? 0;
  if (bonus > 0)
    draft.plugins.push({
      name: "EntropyPenaltyPlugin",
      options: { coefficient: bonus, direction: "maximise", estimate: "full", reduction },
    });
}

function filter(draft: Draft): void {
  const root = "algorithm.filter_groups";
  const [on, metric, rounds] = [
    draft.take(`${root}.enable`),
    draft.text(`${root}.metric`),
    draft.number(`${root}.max_num_gen_batches`),
  ];
  if (on !== true) return;
  draft.before.push({
    name: "DynamicSamplingPlugin",
    options: {
      metric: metric === "acc" ? "accuracy" : "reward",
      ...(rounds !== undefined && rounds > 0 ? { rounds, whenSpent: "stop" } : {}),
    },
  });
}

/** Under reward_model until 0.8, under reward in 0.9. */
function overlong(draft: Draft): void {
  const root = draft.has("reward.reward_kwargs.overlong_buffer_cfg.enable")
    ? "reward.reward_kwargs"
    : "reward_model.reward_kwargs";
  const buffer = `${root}.overlong_buffer_cfg`;
  const [on, cache, factor] = [
    draft.take(`${buffer}.enable`),
    draft.number(`${buffer}.len`),
    draft.number(`${buffer}.penalty_factor`),
  ];
  draft.take(`${buffer}.log`);
  const maxLength = draft.number(`${root}.max_resp_len`) ?? draft.number("data.max_response_length");
  if (on === true && cache !== undefined)
    draft.before.push({ name: "OverlongPenaltyPlugin", options: { maxLength, cache, factor } });
}

/** EasyR1, and PAPO's release, which is one with a perception term. */
import { choose, estimators, klTerm, pythonReward, takeFreeze, takeLoggers, takeLora, takeModel } from "./common.ts";
import type { Draft } from "./draft.ts";
import { takeAdvantage, takeObjective, takeVerlWords } from "./verl-words.ts";

const actor = "worker.actor";

export function fromEasyR1(draft: Draft): void {
  takeModel(draft, `${actor}.model.model_path`);
  takeVerlWords(draft, {
    batch: "data.rollout_batch_size",
    round: "data.mini_rollout_batch_size",
    mini: `${actor}.global_batch_size`,
    steps: "trainer.max_steps",
    rollout: "worker.rollout",
    optim: `${actor}.optim`,
    warmupRatio: `${actor}.optim.lr_warmup_ratio`,
    clip: `${actor}.max_grad_norm`,
    keep: "trainer.save_limit",
    evalEvery: "trainer.val_freq",
    evalSamples: "worker.rollout.val_override_config.n",
    evalTemperature: "worker.rollout.val_override_config.temperature",
  });
  // Validation samples as training does, unless val_override_config says otherwise.
  if (draft.evaluation["data"] !== undefined)
    draft.evaluation["temperature"] ??= draft.number("worker.rollout.temperature");
  draft.output = draft.text("trainer.save_checkpoint_path") ?? draft.output;
  draft.set("epochs", draft.take(`${actor}.ppo_epochs`), `${actor}.ppo_epochs`);
  draft.set(
    "recompute",
    draft.take(`${actor}.model.enable_gradient_checkpointing`),
    `${actor}.model.enable_gradient_checkpointing`,
  );
  for (const [key, path] of [
    ["data.min_pixels", "pictures.minPixels"],
    ["data.max_pixels", "pictures.maxPixels"],
  ] as const)
    draft.set(path, draft.take(key), key);
  takeFreeze(draft, `${actor}.model.freeze_vision_tower`);
  const lora = `${actor}.model.lora`;
  takeLora(
    draft,
    {
      rank: `${lora}.rank`,
      alpha: `${lora}.alpha`,
      targetModules: `${lora}.target_modules`,
      excludeModules: `${lora}.exclude_modules`,
    },
    (draft.number(`${lora}.rank`) ?? 0) > 0,
  );
  if (draft.text(`${actor}.optim.strategy`) === "adamw_bf16")
    draft.leave(
      `${actor}.optim.strategy`,
      "weights and moments are float32 here, or 8-bit moments (optimizer.moments)",
      "settings",
    );
  objective(draft);
  filter(draft);
  template(draft);
  rewards(draft);
  perception(draft);
  takeLoggers(draft, "trainer.logger", draft.text("trainer.project_name"));
  takeAdvantage(draft);
}

function objective(draft: Draft): void {
  const mode = draft.has("algorithm.loss_avg_mode") ? "algorithm.loss_avg_mode" : `${actor}.loss_avg_mode`;
  const reduction =
    choose(draft, mode, { token: "token_mean", seq: "sequence_mean" }, "average of the loss") ?? "token_mean";
  const [clipLow, clipHigh] = [
    draft.number(`${actor}.clip_ratio_low`) ?? 0.2,
    draft.number(`${actor}.clip_ratio_high`) ?? 0.3,
  ];
  Object.assign(draft.method.options, {
    clipLow,
    clipHigh,
    dualClip: draft.number(`${actor}.clip_ratio_dual`) ?? 3,
    reduction,
  });
  takeObjective(
    draft,
    `${actor}.loss_type`,
    "default",
    { gspo: "sequence", gspo_token: "token" },
    { clipLow, clipHigh, reduction },
    [`${actor}.tau_positive`, `${actor}.tau_negative`],
  );
  const coefficient = draft.number("algorithm.kl_coef") ?? 0;
  const estimator = choose(draft, "algorithm.kl_penalty", estimators, "estimate of the KL") ?? "k1";
  const [off, inLoss] = [draft.take("algorithm.disable_kl") === true, draft.take("algorithm.use_kl_loss") === true];
  klTerm(draft, !off && inLoss, coefficient, estimator, reduction);
  if (!off && !inLoss) draft.plugins.push({ name: "ReferenceKlRewardPlugin", options: { coefficient } });
}

/** EasyR1 ends the run where no group of a round survives or tries are spent; PAPO's release keeps the round. */
function filter(draft: Draft): void {
  const [key, low, high, rounds] = [
    draft.text("algorithm.filter_key"),
    draft.number("algorithm.filter_low"),
    draft.number("algorithm.filter_high"),
    draft.number("trainer.max_try_make_batch"),
  ];
  if (draft.take("algorithm.online_filtering") !== true) return;
  const released = draft.take("algorithm.use_kl_prcp") !== undefined;
  draft.before.push({
    name: "DynamicSamplingPlugin",
    options: {
      metric: key === undefined || key === "overall" ? "reward" : key,
      keep: "between",
      low,
      high,
      ...(rounds !== undefined && rounds > 0 ? { rounds, whenSpent: "stop" } : {}),
      ...(released ? { whenNoneSurvives: "keep" } : {}),
    },
  });
}

/** EasyR1 reads a template of jinja from a file; here the template is a text. */
function template(draft: Draft): void {
  const key = "data.format_prompt";
  if (draft.text(key) !== undefined)
    draft.leave(
      key,
      "it is a file of jinja: write its text as data.template, {prompt} in place of {{ content | trim }}",
      "data",
    );
}

/** What a reward function of its examples is made of. */
function rewards(draft: Draft): void {
  const key = "worker.reward.reward_function";
  const name = draft.text(key);
  if (/\/math\.py(:|$)/.test(name ?? "")) {
    draft.plugins.push(
      { name: "MathRewardPlugin", options: { weight: 0.9 } },
      { name: "FormatRewardPlugin", options: { weight: 0.1 } },
    );
    draft.remark(key, "taken as the example of that name: 0.9 for the answer and 0.1 for the format", "plugins");
  } else if (name !== undefined) draft.leave(key, pythonReward, "plugins");
}

/** The perception term and both entropies of PAPO's release. */
function perception(draft: Draft): void {
  const at = (name: string): string => `algorithm.${name}`;
  const [original, masked] = [entropy(draft, "ori"), entropy(draft, "aug")];
  if (draft.take(at("use_kl_prcp")) !== true) {
    if (original > 0) draft.plugins.push({ name: "DoubleEntropyPlugin", options: { original, masked: 0 } });
    return;
  }
  const gamma = draft.number(at("kl_prcp_coef"));
  const penalty = draft.text(at("kl_prcp_penalty"));
  if (penalty !== "low_var_kl")
    draft.leave(at("kl_prcp_penalty"), "the divergence of two views is estimated by low_var_kl alone", "plugins");
  for (const [key, only] of [
    ["kl_prcp_apply_mode", "all"],
    ["contrastive_type", "augmented"],
  ] as const) {
    if (draft.text(at(key)) !== only) draft.leave(at(key), `the release itself takes "${only}" alone`, "plugins");
  }
  draft.take(at("incorrect_weighting")); // read nowhere in the release
  const [top, clip] = [draft.number(at("kl_prcp_token_level_mask_top_p")), draft.number(at("kl_prcp_clipping"))];
  const options = {
    ...(draft.take(at("use_kl_prcp_token_level_mask")) === true ? { topTokens: top } : {}),
    ...(draft.take(at("use_kl_prcp_clipping")) === true ? { clip } : {}),
  };
  const sft = draft.number(at("sft_loss_coef"));
  draft.method.papo = {
    gamma,
    eta: original === masked ? original : 0,
    maskRatio: draft.number(at("aug_config.black_prob")),
    maskPatch: draft.number(at("aug_config.patch_size")),
    ...(Object.keys(options).length > 0 ? { perception: options } : {}),
    ...schedule(draft),
    ...(draft.take(at("use_sft_loss")) === true ? { sft } : {}),
  };
  if (original !== masked) draft.plugins.push({ name: "DoubleEntropyPlugin", options: { original, masked } });
}

function entropy(draft: Draft, which: "ori" | "aug"): number {
  const coefficient = draft.number(`algorithm.${which}_entropy_loss_coef`) ?? 0;
  return draft.take(`algorithm.use_${which}_entropy_loss`) === true ? coefficient : 0;
}

function schedule(draft: Draft): { readonly schedule?: Readonly<Record<string, unknown>> } {
  const at = "algorithm.kl_prcp_schedule_args";
  const [from, to, over] = [
    draft.number(`${at}.start_value`),
    draft.number(`${at}.end_value`),
    draft.number(`${at}.annealing_ratio`),
  ];
  draft.take(at);
  return draft.text("algorithm.kl_prcp_schedule") === "annealing"
    ? { schedule: { from, to: to ?? 0, over: over ?? 0.5, course: "linear" } }
    : {};
}

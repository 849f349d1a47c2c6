/**
 * What TRL (GRPOConfig 1.16 with transformers' TrainingArguments, ModelConfig), verl (0.8, 0.9) and EasyR1 (0.3.3) call
 * the options that are here: one list for error messages, documents and `papo import`.
 */

export const peers = { trl: "TRL", verl: "verl", easyr1: "EasyR1" } as const;

export type Peer = keyof typeof peers;

export interface Counterpart {
  /** "settings.optimizer.maxGradientNorm", "ReferenceKlPlugin.coefficient", or "run.model": a field of the run file. */
  readonly here: string;
  /** The same as a recipe's option, where there is one. */
  readonly recipe?: string;
  /** Full names. */
  readonly names: Readonly<Partial<Record<Peer, readonly string[]>>>;
  /** What differs, besides the name. */
  readonly note?: string;
}

const actor = "actor_rollout_ref.actor";
const rollout = "actor_rollout_ref.rollout";
const model = "actor_rollout_ref.model";

const settings: readonly Counterpart[] = [
  { here: "settings.seed", names: { trl: ["seed"], verl: ["data.seed"], easyr1: ["data.seed"] } },
  {
    here: "settings.steps",
    names: {
      trl: ["max_steps", "num_train_epochs"],
      verl: ["trainer.total_training_steps", "trainer.total_epochs"],
      easyr1: ["trainer.max_steps", "trainer.total_epochs"],
    },
    note: "steps alone: epochs × rows / promptsPerStep; a step of TRL is one optimizer step",
  },
  {
    here: "settings.promptsPerStep",
    names: {
      trl: ["generation_batch_size", "per_device_train_batch_size", "gradient_accumulation_steps"],
      verl: ["data.train_batch_size"],
      easyr1: ["data.rollout_batch_size"],
    },
    note: "prompts; TRL counts responses: batch size × devices × steps per generation / num_generations",
  },
  {
    here: "settings.samplesPerPrompt",
    names: { trl: ["num_generations"], verl: [`${rollout}.n`], easyr1: ["worker.rollout.n"] },
  },
  {
    here: "settings.promptsPerMinibatch",
    names: {
      trl: ["steps_per_generation"],
      verl: [`${actor}.ppo_mini_batch_size`],
      easyr1: ["worker.actor.global_batch_size"],
    },
    note: "prompts in one optimizer step; in TRL the number of microbatches between two rounds of generation",
  },
  {
    here: "settings.epochs",
    names: { trl: ["num_iterations"], verl: [`${actor}.ppo_epochs`], easyr1: ["worker.actor.ppo_epochs"] },
    note: "passes over a step's experience, not over the data",
  },
  {
    here: "settings.promptsPerRound",
    names: { verl: ["data.gen_batch_size"], easyr1: ["data.mini_rollout_batch_size"] },
  },
  {
    here: "settings.maxRounds",
    names: { verl: ["algorithm.filter_groups.max_num_gen_batches"], easyr1: ["trainer.max_try_make_batch"] },
  },
  {
    here: "settings.sampling.temperature",
    names: { trl: ["temperature"], verl: [`${rollout}.temperature`], easyr1: ["worker.rollout.temperature"] },
  },
  {
    here: "settings.sampling.topP",
    names: { trl: ["top_p"], verl: [`${rollout}.top_p`], easyr1: ["worker.rollout.top_p"] },
  },
  {
    here: "settings.sampling.topK",
    names: { trl: ["top_k"], verl: [`${rollout}.top_k`], easyr1: ["worker.rollout.top_k"] },
    note: "0 keeps all tokens; −1 there",
  },
  {
    here: "settings.sampling.maxNewTokens",
    names: { trl: ["max_completion_length"], verl: ["data.max_response_length"], easyr1: ["data.max_response_length"] },
  },
  { here: "settings.pictures.minPixels", names: { easyr1: ["data.min_pixels"] } },
  { here: "settings.pictures.maxPixels", names: { easyr1: ["data.max_pixels"] } },
  {
    here: "settings.maxPromptTokens",
    names: { trl: ["max_prompt_length"], verl: ["data.max_prompt_length"], easyr1: ["data.max_prompt_length"] },
    note: "visual tokens count; earlier versions of TRL had it",
  },
  {
    here: "settings.onLongPrompt",
    names: { verl: ["data.filter_overlong_prompts", "data.truncation"], easyr1: ["data.filter_overlong_prompts"] },
    note: 'true is "skip"; prompts are never cut',
  },
  {
    here: "settings.learningRate",
    names: { trl: ["learning_rate"], verl: [`${actor}.optim.lr`], easyr1: ["worker.actor.optim.lr"] },
  },
  {
    here: "settings.warmupSteps",
    names: {
      trl: ["warmup_steps", "warmup_ratio"],
      verl: [`${actor}.optim.lr_warmup_steps`, `${actor}.optim.lr_warmup_steps_ratio`],
      easyr1: ["worker.actor.optim.lr_warmup_steps", "worker.actor.optim.lr_warmup_ratio"],
    },
    note: "steps alone: ratio × steps; in transformers 5 a warmup_steps below 1 is a ratio",
  },
  {
    here: "settings.decay",
    names: {
      trl: ["lr_scheduler_type"],
      verl: [`${actor}.optim.lr_scheduler_type`, `${actor}.optim.warmup_style`],
      easyr1: ["worker.actor.optim.lr_scheduler_type"],
    },
  },
  {
    here: "settings.finalFraction",
    names: {
      trl: ["lr_scheduler_kwargs.min_lr_rate"],
      verl: [`${actor}.optim.min_lr_ratio`],
      easyr1: ["worker.actor.optim.min_lr_ratio"],
    },
  },
  {
    here: "settings.optimizer.moments",
    names: { trl: ["optim"], verl: [`${actor}.optim.optimizer`], easyr1: ["worker.actor.optim.strategy"] },
    note: '"8bit" is adamw_bnb_8bit of TRL',
  },
  {
    here: "settings.optimizer.beta1",
    names: { trl: ["adam_beta1"], verl: [`${actor}.optim.betas`], easyr1: ["worker.actor.optim.betas"] },
  },
  {
    here: "settings.optimizer.beta2",
    names: { trl: ["adam_beta2"], verl: [`${actor}.optim.betas`], easyr1: ["worker.actor.optim.betas"] },
  },
  { here: "settings.optimizer.epsilon", names: { trl: ["adam_epsilon"] } },
  {
    here: "settings.optimizer.weightDecay",
    names: {
      trl: ["weight_decay"],
      verl: [`${actor}.optim.weight_decay`],
      easyr1: ["worker.actor.optim.weight_decay"],
    },
  },
  {
    here: "settings.optimizer.maxGradientNorm",
    names: {
      trl: ["max_grad_norm"],
      verl: [`${actor}.grad_clip`, `${actor}.optim.clip_grad`],
      easyr1: ["worker.actor.max_grad_norm"],
    },
  },
  {
    here: "settings.optimizer.freeze",
    names: { verl: [`${actor}.freeze_vision_tower`], easyr1: ["worker.actor.model.freeze_vision_tower"] },
    note: 'patterns: ["model.visual.**"]',
  },
  {
    here: "settings.lora.rank",
    names: { trl: ["lora_r"], verl: [`${model}.lora_rank`], easyr1: ["worker.actor.model.lora.rank"] },
  },
  {
    here: "settings.lora.alpha",
    names: { trl: ["lora_alpha"], verl: [`${model}.lora_alpha`], easyr1: ["worker.actor.model.lora.alpha"] },
  },
  { here: "settings.lora.dropout", names: { trl: ["lora_dropout"] } },
  { here: "settings.lora.useRslora", names: { trl: ["use_rslora"] } },
  {
    here: "settings.lora.targetModules",
    names: {
      trl: ["lora_target_modules"],
      verl: [`${model}.target_modules`],
      easyr1: ["worker.actor.model.lora.target_modules"],
    },
  },
  {
    here: "settings.lora.excludeModules",
    names: { verl: [`${model}.exclude_modules`], easyr1: ["worker.actor.model.lora.exclude_modules"] },
  },
  { here: "settings.lora.start", names: { verl: [`${model}.lora_adapter_path`] } },
  {
    here: "settings.executor",
    names: { trl: ["use_vllm"], verl: ["trainer.device"] },
    note: "sampler and learner run on the same executor",
  },
  {
    here: "settings.precision",
    names: { trl: ["bf16"], verl: [`${actor}.fsdp_config.dtype`], easyr1: ["worker.actor.fsdp.mp_param_dtype"] },
  },
  {
    here: "settings.devices",
    names: { verl: ["trainer.n_gpus_per_node"], easyr1: ["trainer.n_gpus_per_node"] },
    note: "of one machine",
  },
  {
    here: "settings.sharding",
    names: { verl: [`${actor}.fsdp_config.fsdp_size`], easyr1: ["worker.actor.fsdp.enable_full_shard"] },
  },
  {
    here: "settings.microbatchTokens",
    names: {
      trl: ["per_device_train_batch_size"],
      verl: [`${actor}.ppo_max_token_len_per_gpu`, `${actor}.ppo_micro_batch_size_per_gpu`],
      easyr1: ["worker.actor.micro_batch_size_per_device_for_update"],
    },
    note: "tokens, not rows; changes memory alone",
  },
  {
    here: "settings.scoringTokens",
    names: {
      verl: [`${rollout}.log_prob_max_token_len_per_gpu`, `${rollout}.log_prob_micro_batch_size_per_gpu`],
      easyr1: ["worker.actor.micro_batch_size_per_device_for_experience"],
    },
    note: "tokens, not rows",
  },
  {
    here: "settings.recompute",
    names: {
      trl: ["gradient_checkpointing"],
      verl: [`${model}.enable_gradient_checkpointing`],
      easyr1: ["worker.actor.model.enable_gradient_checkpointing"],
    },
  },
  {
    here: "settings.checkpointEvery",
    names: { trl: ["save_steps"], verl: ["trainer.save_freq"], easyr1: ["trainer.save_freq"] },
  },
  {
    here: "settings.keepCheckpoints",
    names: { trl: ["save_total_limit"], verl: ["trainer.max_actor_ckpt_to_keep"], easyr1: ["trainer.save_limit"] },
  },
  {
    here: "settings.checkpointOptimizer",
    names: { trl: ["save_only_model"], easyr1: ["trainer.save_model_only"] },
    note: "the other way round",
  },
  { here: "settings.keepBest", names: { trl: ["load_best_model_at_end", "metric_for_best_model"] } },
];

const plugins: readonly Counterpart[] = [
  {
    here: "ClippedObjectivePlugin.clipLow",
    recipe: "grpo({ clipLow })",
    names: {
      trl: ["epsilon"],
      verl: [`${actor}.clip_ratio_low`, `${actor}.clip_ratio`],
      easyr1: ["worker.actor.clip_ratio_low"],
    },
  },
  {
    here: "ClippedObjectivePlugin.clipHigh",
    recipe: "grpo({ clipHigh })",
    names: {
      trl: ["epsilon_high", "epsilon"],
      verl: [`${actor}.clip_ratio_high`, `${actor}.clip_ratio`],
      easyr1: ["worker.actor.clip_ratio_high"],
    },
  },
  {
    here: "ClippedObjectivePlugin.dualClip",
    recipe: "grpo({ dualClip })",
    names: { trl: ["delta"], verl: [`${actor}.clip_ratio_c`], easyr1: ["worker.actor.clip_ratio_dual"] },
  },
  {
    here: "ClippedObjectivePlugin.reduction",
    recipe: "grpo({ reduction })",
    names: { trl: ["loss_type"], verl: [`${actor}.loss_agg_mode`], easyr1: ["worker.actor.loss_avg_mode"] },
    note: '"token_mean" is dapo of TRL, token-mean of verl, token of EasyR1; "sequence_mean" is grpo, seq-mean-token-mean, seq; "constant" is dr_grpo, seq-mean-token-sum-norm',
  },
  {
    here: "ReferenceKlPlugin.coefficient",
    recipe: "grpo({ referenceKl })",
    names: { trl: ["beta"], verl: [`${actor}.kl_loss_coef`], easyr1: ["algorithm.kl_coef"] },
    note: "left out at 0: disable_kl of EasyR1, use_kl_loss of verl",
  },
  {
    here: "ReferenceKlPlugin.estimator",
    names: { verl: [`${actor}.kl_loss_type`], easyr1: ["algorithm.kl_penalty"] },
    note: '"k3" is low_var_kl, "k1" kl, "k2" mse',
  },
  {
    here: "ReferenceKlRewardPlugin.coefficient",
    names: { verl: ["algorithm.kl_ctrl.kl_coef"], easyr1: ["algorithm.kl_coef"] },
    note: "KL in the reward: use_kl_in_reward of verl, use_kl_loss: false of EasyR1",
  },
  {
    here: "GroupAdvantagePlugin.normalise",
    recipe: "grpo({ normalise })",
    names: { trl: ["scale_rewards"], verl: ["algorithm.norm_adv_by_std_in_grpo"] },
  },
  {
    here: "EntropyPenaltyPlugin.coefficient",
    names: { trl: ["entropy_coef"], verl: [`${actor}.entropy_coeff`] },
    note: 'a bonus there: direction: "maximise", estimate: "full"',
  },
  {
    here: "DynamicSamplingPlugin.metric",
    recipe: "dapo({ sampling: { metric } })",
    names: { verl: ["algorithm.filter_groups.metric"], easyr1: ["algorithm.filter_key", "algorithm.online_filtering"] },
  },
  {
    here: "DynamicSamplingPlugin.low",
    recipe: "dapo({ sampling: { low } })",
    names: { easyr1: ["algorithm.filter_low"] },
  },
  {
    here: "DynamicSamplingPlugin.high",
    recipe: "dapo({ sampling: { high } })",
    names: { easyr1: ["algorithm.filter_high"] },
  },
  {
    here: "DynamicSamplingPlugin.rounds",
    recipe: "dapo({ sampling: { rounds } })",
    names: { verl: ["algorithm.filter_groups.max_num_gen_batches"], easyr1: ["trainer.max_try_make_batch"] },
  },
  {
    here: "OverlongPenaltyPlugin.cache",
    recipe: "dapo({ overlong: { cache } })",
    names: { verl: ["reward_model.reward_kwargs.overlong_buffer_cfg.len"] },
  },
  {
    here: "OverlongPenaltyPlugin.factor",
    recipe: "dapo({ overlong: { factor } })",
    names: { verl: ["reward_model.reward_kwargs.overlong_buffer_cfg.penalty_factor"] },
  },
  { here: "OverlongFilterPlugin.terms", names: { trl: ["mask_truncated_completions"] }, note: "list the plugin" },
  {
    here: "TruncatedImportancePlugin.cap",
    names: {
      trl: ["vllm_importance_sampling_clip_max", "vllm_importance_sampling_cap"],
      verl: ["algorithm.rollout_correction.rollout_is_threshold"],
    },
  },
  {
    here: "TruncatedImportancePlugin.level",
    names: { trl: ["vllm_importance_sampling_mode"], verl: ["algorithm.rollout_correction.rollout_is"] },
  },
  {
    here: "SequenceObjectivePlugin.form",
    names: {
      trl: ["importance_sampling_level"],
      verl: [`${actor}.policy_loss.loss_mode`],
      easyr1: ["worker.actor.loss_type"],
    },
    note: "gspo: list the plugin in place of ClippedObjectivePlugin",
  },
  {
    here: "SoftObjectivePlugin.positive",
    names: { trl: ["sapo_temperature_pos"], verl: [`${actor}.tau_pos`], easyr1: ["worker.actor.tau_positive"] },
  },
  {
    here: "SoftObjectivePlugin.negative",
    names: { trl: ["sapo_temperature_neg"], verl: [`${actor}.tau_neg`], easyr1: ["worker.actor.tau_negative"] },
  },
  { here: "WhitenedAdvantagePlugin.discount", names: { verl: ["algorithm.gamma"], easyr1: ["algorithm.gamma"] } },
  {
    here: "FunctionRewardPlugin.weight",
    names: { trl: ["reward_weights"] },
    note: "the option weight of each reward's plugin",
  },
  {
    here: "FunctionRewardPlugin.score",
    names: { trl: ["reward_funcs"], verl: ["custom_reward_function.path"], easyr1: ["worker.reward.reward_function"] },
    note: "or the run file's reward",
  },
];

const run: readonly Counterpart[] = [
  {
    here: "run.model",
    names: { trl: ["model_name_or_path"], verl: [`${model}.path`], easyr1: ["worker.actor.model.model_path"] },
    note: "a folder: nothing is downloaded",
  },
  {
    here: "run.data",
    names: { trl: ["dataset_name"], verl: ["data.train_files"], easyr1: ["data.train_files"] },
    note: "a file or a folder: nothing is downloaded",
  },
  { here: "run.data.columns.prompt", names: { verl: ["data.prompt_key"], easyr1: ["data.prompt_key"] } },
  { here: "run.data.columns.answer", names: { easyr1: ["data.answer_key"] } },
  { here: "run.data.columns.images", names: { verl: ["data.image_key"], easyr1: ["data.image_key"] } },
  { here: "run.data.split", names: { trl: ["dataset_train_split"] } },
  {
    here: "run.data.template",
    names: { easyr1: ["data.format_prompt"] },
    note: "{prompt} in place of {{ content | trim }}",
  },
  {
    here: "run.output",
    names: { trl: ["output_dir"], verl: ["trainer.default_local_dir"], easyr1: ["trainer.save_checkpoint_path"] },
  },
  {
    here: "run.evaluation.data",
    names: { trl: ["dataset_test_split"], verl: ["data.val_files"], easyr1: ["data.val_files"] },
  },
  {
    here: "run.evaluation.every",
    names: { trl: ["eval_steps"], verl: ["trainer.test_freq"], easyr1: ["trainer.val_freq"] },
  },
  {
    here: "run.evaluation.samples",
    names: {
      trl: ["num_generations_eval"],
      verl: [`${rollout}.val_kwargs.n`],
      easyr1: ["worker.rollout.val_override_config.n"],
    },
  },
  {
    here: "run.plugins",
    names: {
      trl: ["report_to"],
      verl: ["trainer.logger", "algorithm.adv_estimator"],
      easyr1: ["trainer.logger", "algorithm.adv_estimator"],
    },
    note: "loggers and advantages are plugins",
  },
];

export const counterparts: readonly Counterpart[] = [...settings, ...plugins, ...run];

"""What TRL, verl and EasyR1 do where a configuration is silent, read out of their released sources: recipes/app/import/peer-defaults.json.

usage: python make_peer_defaults.py <trl wheel, unpacked> <verl wheel, unpacked> <EasyR1 checkout> <PAPO checkout> <file>

TRL and verl are wheels of PyPI, EasyR1 (github.com/hiyouga/EasyR1) and PAPO (github.com/MikeWangWZHL/PAPO) checkouts; needs transformers, whose
TrainingArguments TRL's GRPOConfig extends, and PyYAML. Options that nothing is carried over from are left out.
"""
import ast
import dataclasses
import json
import pathlib
import sys

import transformers
import yaml

trl, verl, easyr1, papo, out = map(pathlib.Path, sys.argv[1:])

TRL = """seed max_steps num_train_epochs per_device_train_batch_size gradient_accumulation_steps generation_batch_size steps_per_generation
num_generations num_iterations use_bias_correction_kl max_completion_length temperature top_p top_k learning_rate lr_scheduler_type warmup_steps weight_decay
adam_beta1 adam_beta2 adam_epsilon max_grad_norm beta epsilon epsilon_high delta loss_type scale_rewards importance_sampling_level
mask_truncated_completions sapo_temperature_pos sapo_temperature_neg entropy_coef use_adaptive_entropy use_peft lora_r lora_alpha lora_dropout use_rslora
multi_objective_aggregation top_entropy_quantile sync_ref_model repetition_penalty min_p""".split()

A, R, M = "actor_rollout_ref.actor.", "actor_rollout_ref.rollout.", "actor_rollout_ref.model."
VERL = [
    *(f"data.{key}" for key in "train_batch_size gen_batch_size max_prompt_length max_response_length filter_overlong_prompts truncation seed prompt_key image_key".split()),
    *(f"algorithm.{key}" for key in "adv_estimator norm_adv_by_std_in_grpo use_kl_in_reward kl_penalty kl_ctrl.type kl_ctrl.kl_coef gamma filter_groups.enable filter_groups.metric filter_groups.max_num_gen_batches".split()),
    *(A + key for key in "ppo_mini_batch_size ppo_epochs clip_ratio clip_ratio_low clip_ratio_high clip_ratio_c loss_agg_mode entropy_coeff use_kl_loss kl_loss_coef kl_loss_type policy_loss.loss_mode tau_pos tau_neg grad_clip freeze_vision_tower".split()),
    *(A + "optim." + key for key in "lr weight_decay betas lr_scheduler_type lr_warmup_steps lr_warmup_steps_ratio min_lr_ratio warmup_style".split()),
    *(R + key for key in "n temperature top_p top_k val_kwargs.n val_kwargs.temperature val_kwargs.do_sample".split()),
    *(M + key for key in "lora_rank lora_alpha target_modules exclude_modules".split()),
    "trainer.total_epochs", "trainer.total_training_steps", "trainer.test_freq",
]

EASYR1 = {
    ("verl/trainer/config.py", "DataConfig"): ("data.", "rollout_batch_size mini_rollout_batch_size max_prompt_length max_response_length filter_overlong_prompts seed min_pixels max_pixels prompt_key answer_key image_key"),
    ("verl/trainer/config.py", "AlgorithmConfig"): ("algorithm.", "adv_estimator disable_kl use_kl_loss kl_penalty kl_coef kl_type gamma online_filtering filter_key filter_low filter_high"),
    ("verl/trainer/config.py", "TrainerConfig"): ("trainer.", "total_epochs max_steps max_try_make_batch val_freq"),
    ("verl/workers/actor/config.py", "ActorConfig"): ("worker.actor.", "global_batch_size max_grad_norm clip_ratio_low clip_ratio_high clip_ratio_dual loss_avg_mode loss_type ppo_epochs tau_positive tau_negative"),
    ("verl/workers/actor/config.py", "ModelConfig"): ("worker.actor.model.", "freeze_vision_tower"),
    ("verl/workers/actor/config.py", "LoraConfig"): ("worker.actor.model.lora.", "rank alpha target_modules exclude_modules"),
    ("verl/workers/actor/config.py", "OptimConfig"): ("worker.actor.optim.", "lr betas weight_decay strategy lr_warmup_ratio lr_warmup_steps min_lr_ratio lr_scheduler_type"),
    ("verl/workers/rollout/config.py", "RolloutConfig"): ("worker.rollout.", "n temperature top_p top_k"),
}

# PAPO's release is EasyR1 with a perception term: what it adds.
PAPO = {
    ("verl/trainer/config.py", "AlgorithmConfig"): ("algorithm.", """loss_avg_mode use_kl_prcp contrastive_type kl_prcp_schedule kl_prcp_schedule_args kl_prcp_penalty kl_prcp_coef kl_prcp_apply_mode aug_config
        use_aug_entropy_loss aug_entropy_loss_coef use_ori_entropy_loss ori_entropy_loss_coef use_kl_prcp_clipping kl_prcp_clipping
        use_kl_prcp_token_level_mask kl_prcp_token_level_mask_top_p use_sft_loss sft_loss_coef"""),
}


def fields(file, name):
    """Defaults of a dataclass, without importing what its module imports."""
    cls = next((node for node in ast.parse(file.read_text()).body if isinstance(node, ast.ClassDef) and node.name == name), None)
    found = {}
    if cls is None:
        return found
    for node in cls.body:
        if not isinstance(node, ast.AnnAssign) or node.value is None:
            continue
        value = node.value
        if isinstance(value, ast.Call):
            options = {word.arg: word.value for word in value.keywords}
            factory = options.get("default_factory")
            value = options.get("default", ast.parse({"dict": "{}", "list": "[]"}.get(getattr(factory, "id", ""), "None"), mode="eval").body)
        found[node.target.id] = ast.literal_eval(value)
    return found


def trl_defaults():
    known = {field.name: field.default for field in dataclasses.fields(transformers.TrainingArguments)}
    for file, name in (("base_config", "_BaseConfig"), ("grpo_config", "GRPOConfig"), ("model_config", "ModelConfig")):
        known |= fields(trl / "trl/trainer" / f"{file}.py", name)
    return {key: known[key].value if hasattr(known[key], "value") else known[key] for key in TRL}


def at(tree, path):
    for part in path.split("."):
        tree = tree[part]
    return tree


def of_dataclasses(root, wanted):
    found = {}  # PAPO's release is older than EasyR1's LoRA, and has none
    for (file, name), (prefix, keys) in wanted.items():
        known = fields(root / file, name)
        found |= {prefix + key: known[key] for key in keys.split() if key in known}
    return found


def wheel(folder):
    """Name and version of an unpacked wheel."""
    return next(folder.glob("*.dist-info")).name.removesuffix(".dist-info").split("-")[1]


def version(file):
    return next(line.split('"')[1] for line in file.read_text().splitlines() if line.startswith("__version__"))


tree = yaml.safe_load((verl / "verl/trainer/config/_generated_ppo_trainer.yaml").read_text())
defaults = {
    "trl": {"source": f"TRL {wheel(trl)} with transformers {transformers.__version__}", "options": trl_defaults()},
    "verl": {"source": f"verl {wheel(verl)}", "options": {key: at(tree, key) for key in VERL}},
    "easyr1": {"source": f"EasyR1 {version(easyr1 / 'verl/__init__.py')} (commit b44b311)", "options": of_dataclasses(easyr1, EASYR1)},
    "papo": {"source": "PAPO's release (commit fb63bf4)", "options": of_dataclasses(papo, EASYR1) | of_dataclasses(papo, PAPO)},
}
out.write_text(json.dumps(defaults, indent=1) + "\n")

/** Why an option of a peer has no place in a run file, and where it would stand. The first pattern that fits counts. */
import { namedByPeers } from "../../run-file/peers/advice.ts";

/** A part of a run file. */
export type Place = "model" | "data" | "plugins" | "settings" | "evaluation" | "output";

const cut =
  "how the work is cut and computed is chosen here (microbatchTokens, scoringTokens, recompute, precision); it changes memory and speed, not the loss";
const resume = "papo train --resume goes on from the newest checkpoint of the output folder";

const reasons: readonly (readonly [RegExp, Place, string])[] = [
  [
    /(nnodes|n_gpus|num_processes|num_machines|tensor_parallel|model_parallel|pipeline_parallel|ulysses|sequence_parallel|data_parallel|expert_parallel|megatron|ddp|deepspeed|fsdp|offload|full_shard|rank0_init|world_size|main_process)/,
    "settings",
    "several devices are settings.devices here, of one machine and with the executor xla",
  ],
  [
    /(vllm|sglang|gpu_memory_utilization|enforce_eager|chunked_prefill|free_cache_engine|engine_kwargs|rollout\.name|rollout\.mode|max_num_batched_tokens|max_num_seqs|max_model_len|load_format|limit_images|disable_tqdm|layered_summon|cuda_graph|cache_implementation)/,
    "settings",
    "of another sampler: responses are sampled in this process",
  ],
  [
    /(micro_batch_size|max_token_len|dynamic_b|padding_free|remove_padding|torch_compile|fused_kernels|liger|attn_implementation|flash|logits_to_keep|dtype|tf32|fp16|bf16|dataloader|pin_memory|num_workers|packing|use_reentrant|gradient_checkpointing_kwargs|seq_balance|balance_batch)/,
    "settings",
    cut,
  ],
  [/(load_checkpoint|resume|find_last|default_hdfs|save_strategy|save_safetensors|save_best|ray_)/, "output", resume],
  [
    /(project|experiment_name|run_name|logging|log_|generations_to_log|report|swanlab|mlflow|hub|push_to)/,
    "plugins",
    "every step is logged; loggers are plugins, and the run is named after its folder",
  ],
  [
    /(val_|eval|validation)/,
    "evaluation",
    "the run file's evaluation measures before, after and every so many steps; docs/evaluation.md",
  ],
  [/(critic|value|gae|lam$)/, "plugins", "there is no critic here: advantages come from groups"],
  [
    /(kl_type|kl_ctrl|horizon|target_kl|kl_target)/,
    "plugins",
    "the coefficient of the KL is constant unless a plugin changes it",
  ],
  [/(\.ref\.|reference|ref_model|sync_ref|tau$)/, "plugins", "reference weights are those that the run began with"],
  [
    /(reward_model|reward_manager|reward_function|reward_func|reward_type|custom_reward|reward_weights|reward\.)/,
    "plugins",
    "rewards are functions of the run file or plugins of @papo/plugins; docs/rewards.md",
  ],
  [
    /(trust_remote_code|tokenizer|chat_template|revision|use_shm|model_init|override_config|custom_cls|external_lib|quant|4bit|8bit)/,
    "model",
    "the model's folder says all of it",
  ],
  [/(video|audio|tool|multi_turn|agent|interaction)/, "data", "prompts are text and pictures, answered in one turn"],
  [
    /(shuffle|remove_unused|streaming|num_examples|return_raw|filter_overlong_prompts_workers|dataset_)/,
    "data",
    "rows come in an order that the seed draws; docs/data.md",
  ],
];

/** A sentence; what is known here under another name is named. */
export function reasonFor(key: string): string {
  const found = reasons.find(([pattern]) => pattern.test(key))?.[2];
  const here = namedByPeers(key)[0]?.counterpart.here;
  return found ?? (here === undefined ? "there is nothing that corresponds" : `${here} is the nearest: set it by hand`);
}

/** Where it would stand. */
export function placeOf(key: string): Place {
  const here = namedByPeers(key)[0]?.counterpart.here ?? "";
  const [holder, field] = here.split(".");
  if (holder === "settings") return "settings";
  if (holder === "run") return field as Place;
  if (here !== "") return "plugins";
  const found = reasons.find(([pattern]) => pattern.test(key))?.[1];
  return (
    found ??
    (/^data/.test(key) ? "data" : /^(algorithm\.|loss|adv|scale_|importance)/.test(key) ? "plugins" : "settings")
  );
}

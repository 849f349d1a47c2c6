/** PEFT's adapter_config.json: read into what an adapter is here, and written so that PEFT reads it. */
import { join } from "node:path";
import { z } from "zod";
import { parseOptions } from "../../options/options.ts";
import { moduleOf, type AdaptedWeight } from "../lora/adapter.ts";
import { matched, regularExpression, type Targets } from "../lora/targets.ts";
import { type JsonObject, readJson } from "./json.ts";
import { quoted } from "../../messages/shown.ts";

export interface AdapterConfig extends Targets {
  /** Which model the adapter is for, as the folder says; null where it does not. */
  readonly base: string | null;
  readonly rank: number;
  readonly alpha: number;
  readonly dropout: number;
  readonly useRslora: boolean;
  /** Other ranks and alphas of modules whose name ends in a regular expression. */
  readonly rankPattern: Readonly<Record<string, number>>;
  readonly alphaPattern: Readonly<Record<string, number>>;
  /** adapter_config.json as it was read: written back, it loses nothing. */
  readonly raw: JsonObject;
}

export const adapterConfigName = "adapter_config.json";

/** What PEFT knows and this project does not: an adapter that uses it would be another model here. */
const notSupported: Readonly<Record<string, string>> = {
  use_dora: "DoRA's magnitudes",
  lora_bias: "biases of its own",
  modules_to_save: "whole modules beside its factors",
  use_qalora: "QALoRA",
  layer_replication: "replicated layers",
  trainable_token_indices: "trained tokens",
  target_parameters: "parameters of no module",
  alora_invocation_tokens: "activated LoRA",
  arrow_config: "Arrow",
  use_bdlora: "BD-LoRA",
  kasa_config: "KaSA",
  velora_config: "VeLoRA",
  monteclora_config: "MonteCLoRA",
  megatron_config: "Megatron's layers",
};

/** Ways of initialising that change the base's weights, so that the adapter fits no model of the hub. */
const changesBase = /^(pissa|olora|corda|loftq|lora_ga)/i;

const names = z.union([z.string(), z.array(z.string())]);
const positive = z.number().positive();
const schema = z.object({
  peft_type: z.string(),
  base_model_name_or_path: z.string().nullish(),
  r: z.int().positive(),
  lora_alpha: positive,
  lora_dropout: z.number().min(0).lt(1).nullish(),
  target_modules: names,
  exclude_modules: names.nullish(),
  layers_to_transform: z.union([z.int().nonnegative(), z.array(z.int().nonnegative())]).nullish(),
  layers_pattern: names.nullish(),
  rank_pattern: z.record(z.string(), z.int().positive()).nullish(),
  alpha_pattern: z.record(z.string(), positive).nullish(),
  use_rslora: z.boolean().nullish(),
  bias: z.string().nullish(),
});

/**
 * @throws Error naming the file, and the field that is missing, wrong or of a kind of adapter that is not LoRA's plain
 * one
 */
export async function readAdapterConfig(folder: string): Promise<AdapterConfig> {
  const file = join(folder, adapterConfigName);
  const raw = await readJson(file);
  if (raw === null) throw new Error(`${folder} holds no ${adapterConfigName}: is it an adapter as PEFT saves it?`);
  const read = parseOptions(file, schema, raw);
  if (read.peft_type !== "LORA")
    throw new Error(
      `${file} describes an adapter of the type "${quoted(String(read.peft_type))}"; only LORA can be used`,
    );
  const used = Object.keys(notSupported).filter((field) => isSet(raw[field]));
  if (used.length > 0)
    throw new Error(
      `${file} sets ${used.map((field) => `${field} (${notSupported[field]})`).join(", ")}, which cannot be used here: merge the adapter into its base with PEFT, and use that`,
    );
  if ((read.bias ?? "none") !== "none")
    throw new Error(
      `${file} sets bias "${quoted(String(read.bias))}": the adapter changes biases too, which cannot be used here; merge it into its base with PEFT, and use that`,
    );
  const initialised = raw["init_lora_weights"];
  if (typeof initialised === "string" && changesBase.test(initialised)) {
    throw new Error(
      `${file} was initialised by ${initialised}, which changes the base's weights: convert it with PEFT's path_initial_model_for_weight_conversion first`,
    );
  }
  return {
    base: read.base_model_name_or_path ?? null,
    rank: read.r,
    alpha: read.lora_alpha,
    dropout: read.lora_dropout ?? 0,
    useRslora: read.use_rslora ?? false,
    targetModules: read.target_modules,
    excludeModules: read.exclude_modules ?? null,
    layersToTransform: read.layers_to_transform ?? null,
    layersPattern: read.layers_pattern ?? null,
    rankPattern: read.rank_pattern ?? {},
    alphaPattern: read.alpha_pattern ?? {},
    raw,
  };
}

/** Rank and scale of a weight's adapter. */
export function adaptedWeight(
  owner: string,
  config: Pick<AdapterConfig, "rank" | "alpha" | "useRslora" | "rankPattern" | "alphaPattern">,
  weight: string,
): AdaptedWeight {
  const of = (option: string, patterns: Readonly<Record<string, number>>): number | undefined =>
    Object.entries(patterns).find(
      ([pattern]) =>
        matched(owner, option, regularExpression(owner, option, `^(?:.*\\.)?(?:${pattern})$`), [moduleOf(weight)])[0],
    )?.[1];
  const rank = of("rank_pattern", config.rankPattern) ?? config.rank;
  const alpha = of("alpha_pattern", config.alphaPattern) ?? config.alpha;
  return { rank, scale: alpha / (config.useRslora ? Math.sqrt(rank) : rank) };
}

/**
 * The text of an adapter_config.json: what was read of it stays, fields in the order of their names, as PEFT writes
 * them.
 */
export function adapterConfigText(config: AdapterConfig): string {
  const fields: JsonObject = {
    auto_mapping: null,
    bias: "none",
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    modules_to_save: null,
    revision: null,
    task_type: "CAUSAL_LM",
    use_dora: false,
    ...config.raw,
    peft_type: "LORA",
    base_model_name_or_path: config.base,
    r: config.rank,
    lora_alpha: config.alpha,
    lora_dropout: config.dropout,
    target_modules: config.targetModules,
    exclude_modules: config.excludeModules,
    layers_to_transform: config.layersToTransform,
    layers_pattern: config.layersPattern,
    rank_pattern: config.rankPattern,
    alpha_pattern: config.alphaPattern,
    use_rslora: config.useRslora,
  };
  return `${JSON.stringify(Object.fromEntries(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1))), null, 2)}\n`;
}

const isSet = (value: unknown): boolean =>
  value !== undefined &&
  value !== null &&
  value !== false &&
  !(typeof value === "object" && Object.keys(value).length === 0);

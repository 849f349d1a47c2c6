/** Adapters in PEFT's layout: adapter_config.json and adapter_model.safetensors. */
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomic } from "../../machine/atomic-file.ts";
import { type AdaptedWeight, type Adapter, adapterShapes, factorNames, moduleOf } from "../lora/adapter.ts";
import { targetedWeights } from "../lora/targets.ts";
import type { TensorNames } from "../family.ts";
import type { VisionLanguageModel, Weights } from "../model.ts";
import { type ParameterRoles, parameterRoles } from "../parameter-roles.ts";
import { createModel, familyOf } from "../registry.ts";
import {
  type AdapterConfig,
  adaptedWeight,
  adapterConfigName,
  adapterConfigText,
  readAdapterConfig,
} from "./adapter-config.ts";
import type { ModelConfig } from "./config.ts";
import { enumerate, readFinite } from "./folder.ts";
import { readSafetensorsHeader, type TensorEntry } from "./safetensors-header.ts";
import { writeSafetensors } from "./safetensors-write.ts";
import { quoted } from "../../messages/shown.ts";

export interface AdapterFolder {
  readonly folder: string;
  readonly config: AdapterConfig;
  readonly adapter: Adapter;
  /** By the names that the adapter's parameters have here. */
  readonly weights: Weights;
}

/** A model that adapters are for. */
export interface AdaptedModel {
  readonly model: VisionLanguageModel;
  readonly roles: ParameterRoles;
  readonly names: TensorNames;
}

/** The model that a config describes. */
export function adaptedModel(config: ModelConfig): AdaptedModel {
  const model = createModel(config);
  return { model, roles: parameterRoles(model), names: familyOf(config.raw).tensors };
}

const tensorFile = "adapter_model.safetensors";
/** What PEFT's wrappers put before a module's name. */
const wrapper = "base_model.model.";

/**
 * Read an adapter for a model.
 * @param name the adapter's name here, "" for the one that is trained
 * @throws Error naming the file when it is missing, damaged, no plain LoRA, or for another model
 */
export async function loadAdapterFolder(
  folder: string,
  name: string,
  { model, roles: { linear }, names }: AdaptedModel,
): Promise<AdapterFolder> {
  const config = await readAdapterConfig(folder);
  const owner = join(folder, adapterConfigName);
  const entries = await factorEntries(folder, name, linear, names);
  const targeted = targetedWeights(owner, config, model.parameters.keys(), linear);
  const weights = new Map<string, AdaptedWeight>(
    targeted.map((weight) => [weight, adaptedWeight(owner, config, weight)]),
  );
  const adapter = { name, weights, dropout: config.dropout };
  const shapes = adapterShapes(adapter, model.parameters);
  checkFactors(folder, entries, shapes);
  const read: Weights = new Map();
  for (const [parameter, shape] of shapes)
    read.set(parameter, { shape, data: await readFinite(entries.get(parameter)!) });
  return { folder, config, adapter, weights: read };
}

/** The file's tensors by the parameters' names here. */
async function factorEntries(
  folder: string,
  name: string,
  linear: ReadonlySet<string>,
  { canonical }: TensorNames,
): Promise<Map<string, TensorEntry>> {
  const file = join(folder, tensorFile);
  if (!existsSync(file)) {
    const other = ["adapter_model.bin", "adapter_model.pt"].find((candidate) => existsSync(join(folder, candidate)));
    throw new Error(
      `${folder} holds no ${tensorFile}${other === undefined ? "" : `, and ${other} is not read: load it with PEFT and save it with safe_serialization`}`,
    );
  }
  const entries = new Map<string, TensorEntry>();
  for (const [key, entry] of (await readSafetensorsHeader(file)).entries) {
    const found = /^(?:base_model\.model\.)?(.+)\.lora_([AB])(?:\.default)?\.weight$/.exec(key);
    const weight = found === null ? "" : canonical(`${found[1]}.weight`);
    if (!linear.has(weight))
      throw new Error(
        `${file} holds "${quoted(key)}", which is no factor of a linear layer that this model has: is it an adapter of another model, or of another kind?`,
      );
    const parameter = factorNames(weight, name)[found![2] === "A" ? "a" : "b"];
    if (entries.has(parameter))
      throw new Error(
        `${file} holds one factor under two names, "${quoted(entries.get(parameter)!.name)}" and "${quoted(key)}"`,
      );
    entries.set(parameter, entry);
  }
  return entries;
}

function checkFactors(
  folder: string,
  entries: ReadonlyMap<string, TensorEntry>,
  shapes: ReadonlyMap<string, readonly number[]>,
): void {
  const missing = [...shapes.keys()].filter((name) => !entries.has(name));
  const untargeted = [...entries].filter(([name]) => !shapes.has(name)).map(([, { name }]) => name);
  const misshapen = [...shapes].flatMap(([name, wanted]) => {
    const entry = entries.get(name);
    return entry === undefined || entry.shape.join() === wanted.join()
      ? []
      : [`${entry.name} is [${entry.shape.join(", ")}], not [${wanted.join(", ")}]`];
  });
  const complaints = [
    ...(missing.length > 0 ? [`missing: ${enumerate(missing)}`] : []),
    ...(untargeted.length > 0 ? [`not among the targets: ${enumerate(untargeted)}`] : []),
    ...(misshapen.length > 0 ? [`of another shape: ${enumerate(misshapen)}`] : []),
  ];
  if (complaints.length > 0)
    throw new Error(
      `${join(folder, tensorFile)} is not what ${adapterConfigName} and this model describe; ${complaints.join("; ")}`,
    );
}

/** Write an adapter, float32, so that PEFT loads it; files that are there are replaced, each whole or not at all. */
export async function saveAdapterFolder(
  folder: string,
  { config, adapter, weights }: Omit<AdapterFolder, "folder">,
): Promise<void> {
  const named = [...adapter.weights.keys()].flatMap((weight) => {
    const [own, saved] = [factorNames(weight, adapter.name), factorNames(weight)];
    return (["a", "b"] as const).map((factor) => [`${wrapper}${saved[factor]}`, weights.get(own[factor])!] as const);
  });
  await mkdir(folder, { recursive: true });
  await writeSafetensors(join(folder, tensorFile), new Map(named));
  writeFileAtomic(join(folder, adapterConfigName), adapterConfigText(config));
}

/** Modules of an adapter's weights, as target_modules can list them. */
export const modulesOf = ({ weights }: Adapter): string[] => [...weights.keys()].map(moduleOf);

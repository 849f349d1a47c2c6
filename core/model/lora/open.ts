/**
 * From a run's settings to its adapters: a new one or one to go on from, those that stay fixed, and what the reference
 * is.
 */
import { adaptedWeight, type AdapterConfig } from "../files/adapter-config.ts";
import { type AdaptedModel, type AdapterFolder, loadAdapterFolder } from "../files/adapter-folder.ts";
import type { VisionLanguageModel, Weights } from "../model.ts";
import { type Adapter, factorNames, initialAdapter, moduleOf } from "./adapter.ts";
import type { LoraSettings } from "./settings.ts";
import { endings, everyLinear, selectExactly, targetedWeights, type Targets } from "./targets.ts";

export interface Lora {
  /** The adapter that is trained. */
  readonly trained: Omit<AdapterFolder, "folder">;
  readonly fixed: readonly AdapterFolder[];
  /** Factors that "reference" stands for; null: those that the run begins with. */
  readonly reference: Weights | null;
}

export interface Base extends AdaptedModel {
  /** Where the model's folder is. */
  readonly folder: string;
  /** Seed of new factors. */
  readonly seed: number;
}

/** @throws Error naming the setting, or the file of an adapter's folder, that is at fault */
export async function openLora(settings: LoraSettings, base: Base): Promise<Lora> {
  const trained =
    settings.start === null
      ? withFactors(newAdapter(settings, base), base)
      : goOn(settings, await loadAdapterFolder(settings.start, "", base));
  const fixed: AdapterFolder[] = [];
  for (const [index, folder] of settings.fixed.entries())
    fixed.push(await loadAdapterFolder(folder, `fixed${index + 1}`, base));
  return { trained, fixed, reference: await referenceOf(settings, trained, base) };
}

/** The same adapters by their shapes alone: no factors are made. @throws Error as `openLora` does */
export async function describeLora(
  settings: LoraSettings,
  base: Base,
): Promise<{ readonly trained: Adapter; readonly fixed: readonly Adapter[] }> {
  const described = async (folder: string, name: string): Promise<Adapter> =>
    (await loadAdapterFolder(folder, name, base)).adapter;
  const trained = settings.start === null ? newAdapter(settings, base).adapter : await described(settings.start, "");
  return {
    trained,
    fixed: await Promise.all(settings.fixed.map((folder, index) => described(folder, `fixed${index + 1}`))),
  };
}

/** Settings that say what an adapter is, and so belong to its folder where there is one. */
const shaping = ["rank", "alpha", "useRslora", "targetModules", "excludeModules", "layersToTransform"] as const;

function goOn(settings: LoraSettings, { config, adapter, weights }: AdapterFolder): Lora["trained"] {
  const changed = shaping.filter(
    (name) => settings[name] !== undefined && JSON.stringify(settings[name]) !== JSON.stringify(config[name]),
  );
  if (changed.length > 0) {
    throw new Error(
      `settings.lora: ${changed.join(", ")} ${changed.length === 1 ? "is" : "are"} the start's, ${settings.start} (${changed.map((name) => JSON.stringify(config[name])).join(", ")}): leave it out, or begin a new adapter without "start"`,
    );
  }
  const dropout = settings.dropout ?? config.dropout;
  return { config: { ...config, dropout }, adapter: { ...adapter, dropout }, weights };
}

const withFactors = (described: Omit<Lora["trained"], "weights">, { model, seed }: Base): Lora["trained"] => ({
  ...described,
  weights: initialAdapter(described.adapter, model.parameters, seed),
});

function newAdapter(settings: LoraSettings, { folder, model, roles }: Base): Omit<Lora["trained"], "weights"> {
  const {
    rank = 16,
    alpha = 32,
    dropout = 0,
    useRslora = false,
    targetModules = "all-linear",
    excludeModules = null,
    layersToTransform = null,
    vision,
  } = settings;
  const wanted: Targets = { ...everyLinear, targetModules, excludeModules, layersToTransform };
  const owner = "settings.lora";
  const candidates = [...model.parameters.keys()].filter((name) => vision || !roles.vision.has(name));
  const targets = targetedWeights(owner, wanted, candidates, roles.linear);
  const config: AdapterConfig = {
    base: folder,
    rank,
    alpha,
    dropout,
    useRslora,
    rankPattern: {},
    alphaPattern: {},
    raw: {},
    ...savedTargets(targets, wanted, model),
  };
  const adapter: Adapter = {
    name: "",
    weights: new Map(targets.map((weight) => [weight, adaptedWeight(owner, config, weight)])),
    dropout,
  };
  return { config, adapter };
}

/**
 * Targets that PEFT selects these very weights by: endings as they were given, those of the weights, or else whole
 * names.
 */
function savedTargets(weights: readonly string[], wanted: Targets, { parameters }: VisionLanguageModel): Targets {
  const modules = weights.map(moduleOf);
  const byEndings = { ...wanted, targetModules: endings(weights) };
  const candidates = typeof wanted.targetModules === "string" ? [byEndings] : [wanted, byEndings];
  return (
    candidates.find((targets) => selectExactly(targets, modules, parameters.keys())) ?? {
      ...everyLinear,
      targetModules: modules,
    }
  );
}

async function referenceOf(
  { reference, start }: LoraSettings,
  { adapter, weights }: Lora["trained"],
  base: Base,
): Promise<Weights | null> {
  if (reference === "start") return null;
  if (reference === "base")
    return new Map(
      [...weights].map(([name, { shape, data }]) => [name, { shape, data: new Float32Array(data.length) }]),
    );
  const other = await loadAdapterFolder(reference, "", base);
  const differing = [...new Set([...adapter.weights.keys(), ...other.adapter.weights.keys()])].filter(
    (weight) => adapter.weights.get(weight)?.rank !== other.adapter.weights.get(weight)?.rank,
  );
  if (differing.length > 0) {
    throw new Error(
      `settings.lora: the reference ${reference} has other targets or ranks than ${start ?? "the adapter that is trained"} (${differing.slice(0, 3).map(moduleOf).join(", ")}${differing.length > 3 ? ", …" : ""}): they must be equal`,
    );
  }
  for (const [weight, { scale }] of adapter.weights) {
    const factor = other.adapter.weights.get(weight)!.scale / scale;
    const { data } = other.weights.get(factorNames(weight).b)!;
    if (factor !== 1) data.forEach((value, i) => (data[i] = value * factor));
  }
  return other.weights;
}

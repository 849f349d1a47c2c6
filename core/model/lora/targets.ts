/**
 * Which linear layers an adapter is put on, by the rules of PEFT's LoraConfig, so that its folders mean the same here
 * and there.
 */
import { runInNewContext } from "node:vm";
import { moduleOf } from "./adapter.ts";
import { quoted } from "../../messages/shown.ts";

export interface Targets {
  /** Endings of module names ("q_proj"), a regular expression over the whole name, or "all-linear". */
  readonly targetModules: string | readonly string[];
  /** The same of modules that are left out; null: none. */
  readonly excludeModules: string | readonly string[] | null;
  /** Numbers of the layers that are adapted, where the targets are endings; null: all. */
  readonly layersToTransform: number | readonly number[] | null;
  /** What stands before a layer's number ("layers"); null: anything. */
  readonly layersPattern: string | readonly string[] | null;
}

export const everyLinear: Targets = {
  targetModules: "all-linear",
  excludeModules: null,
  layersToTransform: null,
  layersPattern: null,
};

/**
 * Weights of the targeted linear layers, in the order of `parameters`.
 * @param parameters names of all parameters of the model
 * @param linear names of the weights of linear layers among them
 * @param owner begins every message
 * @throws Error when a target is no regular expression, fits nothing, or fits a module that is no linear layer
 */
export function targetedWeights(
  owner: string,
  targets: Targets,
  parameters: Iterable<string>,
  linear: ReadonlySet<string>,
): string[] {
  const candidates = [...parameters].filter(
    (name) => name.endsWith(".weight") && (targets.targetModules !== "all-linear" || linear.has(name)),
  );
  const targeted = targetedModules(owner, targets, candidates.map(moduleOf));
  const found = candidates.filter((name) => targeted.has(moduleOf(name)));
  const other = found.filter((name) => !linear.has(name));
  if (other.length > 0) {
    throw new Error(
      `${owner}: the targets include ${other.slice(0, 3).map(moduleOf).join(", ")}${other.length > 3 ? ` and ${other.length - 3} more` : ""}, which are no linear layers ` +
        "of blocks (embeddings, convolutions, norms and the head have no adapters here): exclude them, or name the targets more closely",
    );
  }
  if (found.length === 0)
    throw new Error(
      `${owner}: the targets ${JSON.stringify(targets.targetModules)} fit no linear layer; endings there are: ${endings(linear).join(", ")}`,
    );
  return found;
}

/**
 * Whether targets select these modules and no others, as PEFT sees them: of all modules, those that only hold others
 * ("layers.0") too. That a module without parameters, an activation, fits a regular expression cannot be seen here.
 */
export function selectExactly(targets: Targets, modules: readonly string[], parameters: Iterable<string>): boolean {
  const everything = new Set(
    [...parameters].flatMap((name) => name.split(".").map((_, i, parts) => parts.slice(0, i).join("."))),
  );
  return setsEqual(targetedModules("", targets, [...everything]), new Set(modules));
}

const setsEqual = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean =>
  a.size === b.size && [...a].every((value) => b.has(value));

/** The last parts of linear layers' names. */
export const endings = (linear: Iterable<string>): string[] => [
  ...new Set([...linear].map((name) => moduleOf(name).split(".").at(-1)!)),
];

/** The modules that are targeted: PEFT's check_target_module_exists. */
function targetedModules(
  owner: string,
  { targetModules, excludeModules, layersToTransform, layersPattern }: Targets,
  modules: readonly string[],
): Set<string> {
  const excluded = new Set(
    excludeModules === null || excludeModules.length === 0
      ? []
      : named(owner, "excludeModules", excludeModules, modules),
  );
  const left = modules.filter((module) => !excluded.has(module));
  if (targetModules === "all-linear") return new Set(left);
  const targeted = named(owner, "targetModules", targetModules, left);
  const layers = layersToTransform === null ? [] : [layersToTransform].flat();
  if (typeof targetModules === "string" || layers.length === 0) return new Set(targeted);
  const before = layersPattern === null || layersPattern.length === 0 ? ["[^.]*"] : [layersPattern].flat();
  const patterns = before.map((pattern) =>
    regularExpression(owner, "layersPattern", `^(?:|.*?\\.)${pattern}\\.(?<layer>\\d+)\\.`),
  );
  const layerOf = (module: string): number =>
    Number(
      patterns.map((pattern) => matched(owner, "layersPattern", pattern, [module])[0]).find((found) => found)?.groups?.[
        "layer"
      ] ?? -1,
    );
  // A module that is named in full is adapted whatever its layer.
  return new Set(targeted.filter((module) => targetModules.includes(module) || layers.includes(layerOf(module))));
}

/** A list is of whole names or endings, a text a regular expression over the whole name. */
function named(
  owner: string,
  option: string,
  names: string | readonly string[],
  modules: readonly string[],
): readonly string[] {
  if (typeof names !== "string")
    return modules.filter((module) => names.some((name) => module === name || module.endsWith(`.${name}`)));
  const found = matched(owner, option, regularExpression(owner, option, `^(?:${names})$`), modules);
  return modules.filter((_, i) => found[i]);
}

/** A regular expression as Python writes it: its named groups have another spelling here. */
export function regularExpression(owner: string, option: string, source: string): RegExp {
  try {
    return new RegExp(source.replaceAll("(?P<", "(?<").replaceAll("\\Z", "$"));
  } catch (cause) {
    throw new Error(`${owner}: ${option} is no regular expression: ${quoted((cause as Error).message)}`, { cause });
  }
}

/** Milliseconds that a pattern may take over all names. */
const patience = 1000;

/** What a pattern matches of each text; one that would take for ever (it may come with a file) is an error. */
export function matched(
  owner: string,
  option: string,
  pattern: RegExp,
  texts: readonly string[],
): (RegExpExecArray | null)[] {
  try {
    return runInNewContext(
      "texts.map((text) => pattern.exec(text))",
      { texts, pattern },
      { timeout: patience },
    ) as (RegExpExecArray | null)[];
  } catch (cause) {
    throw new Error(
      `${owner}: ${option} ${pattern} takes too long on a name of a module: write it without nested repetitions`,
      { cause },
    );
  }
}

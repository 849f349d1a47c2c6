/** The folder of a model, wherever a person has one in mind. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import {
  findDamage,
  manifestFile,
  namedBase,
  newestCheckpoint,
  policyFolder,
  textDigest,
  weightsDigest,
  type DigestOf,
  type RunSettings,
  type StartWeights,
} from "@papo/core";

/**
 * A model folder itself, the model of a checkpoint, or of a run's newest checkpoint.
 * @param written the path as a person wrote it: a name on the hub is told by that
 * @throws Error saying what is there instead, and what to do
 */
export function modelFolder(path: string, written = path): string {
  const folder = resolve(path);
  const found = placesIn(folder, "model").find((candidate) => existsSync(join(candidate, "config.json")));
  if (found === undefined) throw new Error(absence(folder, written));
  return found;
}

/**
 * Where a folder that may be a checkpoint or a run has the model, or the adapter, in the order in which they are looked
 * for.
 */
function placesIn(folder: string, what: "model" | "adapter"): string[] {
  const newest = newestWhole(folder);
  return [
    folder,
    join(folder, what),
    join(policyFolder(folder), what),
    ...(newest === null ? [] : [join(policyFolder(newest), what)]),
  ];
}

/** By run: its files are read once. */
const known = new Map<string, string | null>();

/**
 * The newest checkpoint of a run that is as it was written, null where there is none; others are named. @throws Error
 * where none is whole, or the folder is itself a checkpoint that is not
 */
function newestWhole(folder: string): string | null {
  const found = known.get(folder);
  if (found !== undefined) return found;
  if (existsSync(join(folder, manifestFile)) && existsSync(policyFolder(folder))) {
    const damage = findDamage(folder);
    if (damage !== null) throw new Error(`The checkpoint ${folder} is damaged, ${damage}: take another one`);
  }
  const { checkpoint, damaged } = newestCheckpoint(join(folder, "checkpoints"));
  for (const message of damaged) process.emitWarning(`a damaged checkpoint is passed over: ${message}`);
  const newest = checkpoint?.folder ?? null;
  known.set(folder, newest);
  return newest;
}

const findAdapter = (folder: string): string | undefined =>
  placesIn(folder, "adapter").find((place) => existsSync(join(place, "adapter_config.json")));

/** The same of an adapter. @throws Error saying what is there instead */
export function adapterFolder(path: string): string {
  const found = findAdapter(resolve(path));
  if (found === undefined)
    throw new Error(
      `${resolve(path)} is no adapter, no checkpoint and no run with one: there is no adapter_config.json in ${placesIn(resolve(path), "adapter").join(", ")}`,
    );
  return found;
}

/**
 * A model's folder, and the adapter to put on it where the path leads to one. @param base where the adapter's model is;
 * default: where its configuration says
 */
export async function modelWithAdapter(
  path: string,
  base?: string,
): Promise<{ readonly folder: string; readonly adapter: string | null }> {
  const adapter = findAdapter(resolve(path));
  if (adapter === undefined) return { folder: modelFolder(path), adapter: null };
  const folder = base === undefined ? await namedBase(adapter) : resolve(base);
  if (!existsSync(join(folder, "config.json")))
    throw new Error(`the adapter ${adapter} is for ${folder}, where no model is: say where it is with --base`);
  return { folder, adapter };
}

/** Digests of the weights that a run begins with. @param lora the folders of its adapters, null for none */
export function startWeights(
  model: string,
  lora: Pick<NonNullable<RunSettings["lora"]>, "start" | "fixed" | "reference"> | null,
  ofFile: DigestOf,
): StartWeights {
  const { start = null, fixed = [], reference = "base" } = lora ?? {};
  const adapters = [
    ...(start === null ? [] : [["start", start] as const]),
    ...(reference === "base" || reference === "start" ? [] : [["reference", reference] as const]),
    ...fixed.map((folder, index) => [`fixed.${index}`, folder] as const),
  ];
  return {
    model: weightsDigest(model, ofFile),
    ...Object.fromEntries(adapters.map(([name, folder]) => [name, weightsDigest(adapterFolder(folder), ofFile)])),
  };
}

/** One digest of what is sampled from as the weights are opened. */
export function openedWeights({ reference: _unread, ...read }: StartWeights): string {
  return Object.keys(read).length === 1 ? read["model"]! : textDigest(JSON.stringify(read));
}

/** For people: what lies in the folder that a learner saved to. */
export const savedWeights = (policy: string): string => {
  const adapter = join(policy, "adapter");
  return existsSync(adapter) ? `adapter: ${adapter}` : `model: ${join(policy, "model")}`;
};

const hubName = /^[A-Za-z0-9][\w.-]*\/[\w.-]+$/;

function absence(folder: string, written: string): string {
  if (!existsSync(folder)) {
    if (!hubName.test(written) || existsSync(dirname(folder))) return `There is no model folder ${folder}`;
    return `There is no model folder ${folder}. "${written}" looks like a name on the Hugging Face hub; nothing is downloaded here: hf download ${written} --local-dir models/${written.split("/")[1]} fetches it once, and that folder is the model`;
  }
  if (!statSync(folder).isDirectory())
    return `${folder} is a file; a model is a folder with config.json, tokenizer and weights`;
  const adapter = findAdapter(folder);
  if (adapter !== undefined) {
    const base = baseOf(join(adapter, "adapter_config.json"));
    return `${adapter} is an adapter${base === null ? "" : ` of ${base}`}, not a model: give the base's folder as the model; training goes on from the adapter with settings: { lora: { start: ${JSON.stringify(adapter)} } }, papo eval takes the adapter as it is, and papo merge makes a model of the two`;
  }
  const entries = readdirSync(folder);
  const holds =
    entries.length === 0 ? "nothing" : `${entries.slice(0, 6).join(", ")}${entries.length > 6 ? ", …" : ""}`;
  return `${folder} is no model folder, no checkpoint and no run with one: there is no config.json in it, it holds ${holds}`;
}

/** What an adapter says that it is for. */
function baseOf(file: string): string | null {
  try {
    const base = (JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>)["base_model_name_or_path"];
    return typeof base === "string" && base !== "" ? base : null;
  } catch {
    return null;
  }
}

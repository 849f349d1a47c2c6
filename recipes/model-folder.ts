/** The folder of a model, wherever a person has one in mind. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { checkpointFolders, policyFolder } from "@papo/core";

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

/** Where a folder that may be a checkpoint or a run has the model, or the adapter, in the order in which they are looked for. */
function placesIn(folder: string, what: "model" | "adapter"): string[] {
  const newest = checkpointFolders(join(folder, "checkpoints"))[0];
  return [folder, join(policyFolder(folder), what), ...(newest === undefined ? [] : [join(policyFolder(newest.folder), what)])];
}

const hubName = /^[A-Za-z0-9][\w.-]*\/[\w.-]+$/;

function absence(folder: string, written: string): string {
  if (!existsSync(folder)) {
    if (!hubName.test(written) || existsSync(dirname(folder))) return `There is no model folder ${folder}`;
    return `There is no model folder ${folder}. "${written}" looks like a name on the Hugging Face hub; nothing is downloaded here: hf download ${written} --local-dir models/${written.split("/")[1]} fetches it once, and that folder is the model`;
  }
  if (!statSync(folder).isDirectory()) return `${folder} is a file; a model is a folder with config.json, tokenizer and weights`;
  const adapter = placesIn(folder, "adapter").find((place) => existsSync(join(place, "adapter_config.json")));
  if (adapter !== undefined) {
    const base = baseOf(join(adapter, "adapter_config.json"));
    return `${adapter} is an adapter${base === null ? "" : ` of ${base}`}, not a model: give the base's folder as the model; training goes on from the adapter with settings: { lora: { start: ${JSON.stringify(adapter)} } }, and anything else takes the two merged (in Python: PeftModel.from_pretrained(base, adapter).merge_and_unload().save_pretrained(folder), with the base's tokenizer and processor files)`;
  }
  const entries = readdirSync(folder);
  const holds = entries.length === 0 ? "nothing" : `${entries.slice(0, 6).join(", ")}${entries.length > 6 ? ", …" : ""}`;
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

/** A model's config.json, in one shape whichever version of transformers wrote it. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseQwen25VlConfig } from "../families/qwen2.5-vl/config.ts";

/** The decoder. */
export interface TextConfig {
  readonly hiddenSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headSize: number;
  readonly intermediateSize: number;
  readonly vocabSize: number;
  readonly rmsNormEps: number;
  readonly ropeTheta: number;
  /** Rotary frequencies given to time, height and width; they sum to headSize / 2. */
  readonly mropeSection: readonly [time: number, height: number, width: number];
  readonly tieWordEmbeddings: boolean;
}

/** The vision tower. */
export interface VisionConfig {
  readonly depth: number;
  readonly hiddenSize: number;
  readonly heads: number;
  readonly intermediateSize: number;
  readonly outHiddenSize: number;
  /** Side of a patch, pixels. */
  readonly patchSize: number;
  /** Patches per side that become one visual token. */
  readonly mergeSize: number;
  readonly temporalPatchSize: number;
  readonly channels: number;
  /** Side of an attention window, pixels. */
  readonly windowSize: number;
  /** Blocks that attend to the whole picture. */
  readonly fullAttentionBlocks: readonly number[];
}

/** Ids with a meaning to the model; null where the config does not say. */
export interface TokenIds {
  readonly image: number;
  readonly visionStart: number;
  readonly video: number | null;
  readonly visionEnd: number | null;
  readonly visionPad: number | null;
  readonly pad: number | null;
  /** Ids that end a text, as config.json has them; generation_config.json goes before it. */
  readonly eos: readonly number[];
}

export interface ModelConfig {
  /** `model_type` in config.json, and the key of the model registry. */
  readonly family: string;
  readonly text: TextConfig;
  readonly vision: VisionConfig;
  readonly tokens: TokenIds;
  /** config.json as it was read: written back, it loses nothing. */
  readonly raw: JsonObject;
}

export type JsonObject = { readonly [key: string]: unknown };

/** From a parsed config.json to ours. @throws Error saying which key is wrong, without the file's name. */
export type ConfigParser = (raw: JsonObject) => ModelConfig;

/** The known architectures by `model_type`; add a family here and in the model registry. */
export const configParsers = new Map<string, ConfigParser>([["qwen2_5_vl", parseQwen25VlConfig]]);

/**
 * Read `config.json` of a model folder.
 * @throws Error naming the file when it is missing, no JSON, of an unknown architecture, or inconsistent.
 */
export async function readModelConfig(folder: string): Promise<ModelConfig> {
  const file = join(folder, "config.json");
  const raw = await readJson(file);
  if (raw === null) throw new Error(`${folder} holds no config.json: is it a model folder?`);
  const parse = configParsers.get(String(raw["model_type"]));
  if (parse === undefined) {
    const found = `model_type ${JSON.stringify(raw["model_type"])}, architectures ${JSON.stringify(raw["architectures"])}`;
    throw new Error(`${file} describes an unknown architecture (${found}); supported: ${[...configParsers.keys()].join(", ")}`);
  }
  try {
    return parse(raw);
  } catch (cause) {
    throw new Error(`${file}: ${(cause as Error).message}`, { cause });
  }
}

/** A JSON object from a file, or null when there is no such file. @throws Error naming the file when it holds something else. */
export async function readJson(file: string): Promise<JsonObject | null> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw new Error(`cannot read ${file}: ${(cause as Error).message}`, { cause });
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new Error(`${file} is not JSON: ${(cause as Error).message}`, { cause });
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) throw new Error(`${file} holds no JSON object`);
  return parsed as JsonObject;
}

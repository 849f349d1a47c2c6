/**
 * Model folders in the layout of Hugging Face: read into checked float32 weights, and written so that transformers
 * loads them.
 */
import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { removeLeftovers } from "../../machine/leftovers.ts";
import { writeFileAtomic } from "../../machine/atomic-file.ts";
import { firstNotFinite } from "../../math/first-not-finite.ts";
import { familyOf } from "../registry.ts";
import { readModelConfig } from "./read-config.ts";
import { FileWeight, HeldFile } from "./file-weight.ts";
import { checkFloats, readFloats, readFolderEntries } from "./safetensors.ts";
import { writeSafetensorsFolder } from "./safetensors-write.ts";
import type { ModelConfig } from "./config.ts";
import type { TensorNames } from "../family.ts";
import { readModelFile, type JsonObject } from "./json.ts";
import type { Weights } from "../model.ts";
import type { TensorEntry } from "./safetensors.ts";
import type { FloatSources, WeightType, WriteShardsOptions, WrittenAs } from "./safetensors-write.ts";
import { quoted } from "../../messages/shown.ts";

/** Shape of every parameter a model must have, by canonical name, in the order wanted. */
export type Shapes = ReadonlyMap<string, readonly number[]>;

export interface ModelFolder {
  readonly folder: string;
  readonly config: ModelConfig;
  /** By canonical name, in the order of the shapes. */
  readonly weights: Weights;
  /** Type on disk of the largest tensor. */
  readonly type: WeightType;
}

/** The files of a model folder beside its weights, by name. `config.json` must be among them. */
export type ModelFiles = ReadonlyMap<string, string | Uint8Array>;

export interface SaveOptions extends Pick<WriteShardsOptions, "maxShardBytes"> {
  readonly weights: FloatSources;
  /** Type on disk; "input": of each tensor the source's, which is a folder then. Default F32. */
  readonly type?: Exclude<WrittenAs, "LOW"> | "input";
  /** A model folder to copy configuration, tokenizer and names of tensors from, or the files themselves. */
  readonly source: string | ModelFiles;
  /** Replace a model that is in the folder already; default false. Files of other names stay. */
  readonly overwrite?: boolean;
}

/** What belongs to a model and is copied with it. */
const companionFiles = [
  "config.json",
  "generation_config.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "vocab.json",
  "merges.txt",
  "chat_template.jinja",
  "chat_template.json",
  "preprocessor_config.json",
  "processor_config.json",
  "video_preprocessor_config.json",
];

const typeNames: Readonly<Record<WeightType, string>> = { F32: "float32", BF16: "bfloat16", F16: "float16" };

/** Tables that old versions stored and the model computes itself. */
function isBuffer(name: string): boolean {
  return name.endsWith(".inv_freq");
}

/**
 * Read a model folder.
 * @param shapesOf the parameters that a model of this config has.
 * @param staysInFile weights that are only checked and left in their files (FileWeight)
 * @throws Error listing the tensors that are missing, unexpected or of another shape or type.
 */
export async function loadModelFolder(
  folder: string,
  shapesOf: (config: ModelConfig) => Shapes,
  staysInFile: (name: string) => boolean = () => false,
): Promise<ModelFolder> {
  const { config, entries } = await openModelFolder(folder, shapesOf);
  const weights: Weights = new Map();
  const held = new Map<string, HeldFile>();
  for (const [name, entry] of entries) {
    if (staysInFile(name)) weights.set(name, fileWeight(entry, held));
    else weights.set(name, { shape: entry.shape, data: await readFinite(entry) });
  }
  return { folder, config, weights, type: typeOf([...entries.values()]) };
}

/**
 * The same with the places of the weights in place of the weights. A head that is stored beside the embedding it is
 * tied to is compared with it.
 */
export async function openModelFolder(
  folder: string,
  shapesOf: (config: ModelConfig) => Shapes,
): Promise<{ readonly config: ModelConfig; readonly entries: ReadonlyMap<string, TensorEntry> }> {
  const config = await readModelConfig(folder);
  const names = familyOf(config.raw).tensors;
  const entries = canonicalEntries(await readFolderEntries(folder), names, folder);
  const shapes = shapesOf(config);
  const tiedHead = config.text.tieWordEmbeddings ? entries.get("lm_head.weight") : undefined;
  if (tiedHead !== undefined && !shapes.has("lm_head.weight")) entries.delete("lm_head.weight");
  checkEntries(entries, shapes, `the weights in ${folder} are not those that its config.json describes`);
  const embedding = entries.get(names.embeddings);
  if (tiedHead !== undefined)
    await checkTiedHead(folder, tiedHead, embedding === undefined ? undefined : await readFloats(embedding));
  return { config, entries: new Map([...shapes.keys()].map((name) => [name, entries.get(name)!])) };
}

function canonicalEntries(
  stored: ReadonlyMap<string, TensorEntry>,
  { canonical }: TensorNames,
  folder: string,
): Map<string, TensorEntry> {
  const entries = new Map<string, TensorEntry>();
  for (const [name, entry] of stored) {
    if (isBuffer(name)) continue;
    const other = entries.get(canonical(name));
    if (other !== undefined)
      throw new Error(`${folder} holds one tensor under two names, "${quoted(other.name)}" and "${quoted(name)}"`);
    entries.set(canonical(name), entry);
  }
  return entries;
}

function checkEntries(entries: ReadonlyMap<string, TensorEntry>, shapes: Shapes, message: string): void {
  const missing = [...shapes.keys()].filter((name) => !entries.has(name));
  const unexpected = [...entries].filter(([name]) => !shapes.has(name)).map(([, entry]) => entry.name);
  const misshapen = [...shapes].flatMap(([name, wanted]) => {
    const found = entries.get(name)?.shape ?? wanted;
    return found.join() === wanted.join() ? [] : [`${name} is [${found.join(", ")}], not [${wanted.join(", ")}]`];
  });
  const complaints = [
    ...(missing.length > 0 ? [`missing: ${enumerate(missing)}`] : []),
    ...(unexpected.length > 0 ? [`unexpected: ${enumerate(unexpected)}`] : []),
    ...(misshapen.length > 0 ? [`of another shape: ${enumerate(misshapen)}`] : []),
  ];
  if (complaints.length > 0) throw new Error(`${message}; ${complaints.join("; ")}`);
}

export function enumerate(names: readonly string[]): string {
  return names.length <= 6 ? names.join(", ") : `${names.slice(0, 5).join(", ")} and ${names.length - 5} more`;
}

export async function readFinite(entry: TensorEntry): Promise<Float32Array> {
  const values = await readFloats(entry);
  const bad = firstNotFinite(values);
  if (bad >= 0) throw notFinite(entry, values[bad], bad);
  return values;
}

const notFinite = ({ name, file }: TensorEntry, value: number | undefined, at: number): Error =>
  new Error(
    `tensor "${quoted(name)}" in ${file} holds ${value} at ${at}: these weights are damaged or diverged, fetch them again or use others`,
  );

/** @throws Error naming the first number that is not finite */
function fileWeight(entry: TensorEntry, held: Map<string, HeldFile>): FileWeight {
  checkFloats(entry);
  const file = held.get(entry.file) ?? new HeldFile(entry.file);
  held.set(entry.file, file);
  const weight = new FileWeight(entry, file);
  const bad = weight.firstNotFinite();
  if (bad >= 0) throw notFinite(entry, weight.data[bad], bad);
  return weight;
}

async function checkTiedHead(folder: string, head: TensorEntry, embedding: Float32Array | undefined): Promise<void> {
  const values = await readFloats(head);
  if (embedding?.length === values.length && embedding.every((value, i) => value === values[i])) return;
  throw new Error(
    `${folder} holds a lm_head.weight that differs from the embedding, and its config.json ties the two: set tie_word_embeddings to false`,
  );
}

function typeOf(entries: readonly TensorEntry[]): WeightType {
  const largest = entries.reduce((a, b) => (b.end - b.start > a.end - a.start ? b : a));
  return largest.type as WeightType;
}

/**
 * Write a model folder: weights, and everything else as the source has it, with the dtype of config.json set to the
 * type written. Tensors keep the names that they have in the source. A new folder appears whole or not at all; with
 * `overwrite` each file does.
 * @throws Error when the folder holds files and `overwrite` is not set, or the weights are not those of the source.
 */
export async function saveModelFolder(folder: string, options: SaveOptions): Promise<void> {
  const target = resolve(folder);
  const files = typeof options.source === "string" ? await readCompanions(options.source) : options.source;
  const weights = new Map(
    [...options.weights].map(
      ([name, weight]) => [name, weight instanceof FileWeight ? weight.source() : weight] as const,
    ),
  );
  const named =
    typeof options.source === "string"
      ? await nameAsIn(options.source, weights)
      : nameAsPublished(options.source, weights);
  const isEmpty = !existsSync(target) || (await readdir(target)).length === 0;
  if (!isEmpty && options.overwrite !== true)
    throw new Error(`${folder} holds files already: choose another folder, or ask to overwrite it`);
  if (!isEmpty) return writeInto(target, files, named, options);
  const temporary = `${target}.${process.pid}.tmp`;
  await mkdir(dirname(target), { recursive: true });
  removeLeftovers(target);
  await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary);
  try {
    await writeInto(temporary, files, named, options);
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    if (["ENOTEMPTY", "EEXIST"].includes((error as NodeJS.ErrnoException).code ?? "")) {
      throw new Error(
        `${folder} was filled by another process meanwhile, and is left as that wrote it: choose another folder`,
        { cause: error },
      );
    }
    throw error;
  }
}

async function writeInto(
  folder: string,
  files: ModelFiles,
  { tensors, typeOf }: Named,
  { type = "F32", maxShardBytes }: SaveOptions,
): Promise<void> {
  const written = await writeSafetensorsFolder(folder, tensors, {
    type: type === "input" ? typeOf : type,
    ...(maxShardBytes === undefined ? {} : { maxShardBytes }),
  });
  for (const [name, content] of files) {
    writeFileAtomic(
      join(folder, name),
      name === "config.json" && type !== "input" ? withType(String(content), type === "HIGH" ? "BF16" : type) : content,
    );
  }
  for (const name of await readdir(folder)) {
    if (/^model(-\d+-of-\d+)?\.safetensors(\.index\.json)?$/.test(name) && !written.includes(name))
      await rm(join(folder, name));
  }
}

async function readCompanions(source: string): Promise<ModelFiles> {
  const files = new Map<string, Uint8Array>();
  for (const name of companionFiles)
    if (existsSync(join(source, name))) files.set(name, await readModelFile(join(source, name)));
  if (!files.has("config.json")) throw new Error(`cannot save a model as in ${source}: it holds no config.json`);
  return files;
}

/** Weights by the names that files have, and the types that they had in the source. */
interface Named {
  readonly tensors: FloatSources;
  readonly typeOf: (stored: string) => WeightType;
}

async function nameAsIn(source: string, weights: FloatSources): Promise<Named> {
  const {
    text: { tieWordEmbeddings },
    raw,
  } = await readModelConfig(source);
  const entries = canonicalEntries(await readFolderEntries(source), familyOf(raw).tensors, source);
  if (tieWordEmbeddings) entries.delete("lm_head.weight");
  const shapes = new Map([...weights].map(([name, { shape }]) => [name, shape]));
  checkEntries(entries, shapes, `the tensors in ${source} are not those to be saved`);
  const typeOf = new Map([...entries.values()].map(({ name, type }) => [name, type as WeightType]));
  return {
    tensors: new Map([...weights].map(([name, weight]) => [entries.get(name)!.name, weight])),
    typeOf: (stored) => typeOf.get(stored)!,
  };
}

function nameAsPublished(files: ModelFiles, weights: FloatSources): Named {
  const { tensors } = familyOf(JSON.parse(String(files.get("config.json"))) as JsonObject);
  const typeOf = (): never => {
    throw new Error('the type "input" is of a folder\'s weights: name the folder as source, or another type');
  };
  return { tensors: new Map([...weights].map(([name, weight]) => [tensors.stored(name), weight])), typeOf };
}

/**
 * Set every "dtype" (or "torch_dtype") in the text of a config.json. As text, because JSON from JavaScript would turn
 * 1000000.0 into an integer.
 */
function withType(config: string, type: WeightType): string {
  const field = /("(?:torch_)?dtype"\s*:\s*)(?:"[^"]*"|null)/g;
  if (field.test(config)) return config.replace(field, `$1"${typeNames[type]}"`);
  return config.replace(/^\s*\{/, `{\n  "dtype": "${typeNames[type]}",`);
}

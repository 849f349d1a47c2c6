/** Random Qwen2.5-VL models of the sizes that are measured, as Hugging Face folders that both sides load. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createRandom, type Random } from "@papo/core";
import { parseQwen25VlConfig } from "../core/model/families/qwen2.5-vl/config.ts";
import { saveModelFolder } from "../core/model/files/folder.ts";
import type { FloatSources, WeightType } from "../core/model/files/safetensors-write.ts";
import { createModel } from "../core/model/registry.ts";
import { type DecoderSizes, qwenConfig, type VisionSizes } from "../recipes/app/tasks/shapes/model.ts";
import { textFiles } from "../recipes/app/tasks/shapes/tokenizer.ts";
import { specialId } from "../recipes/app/tasks/shapes/vocabulary.ts";

/** What is measured: a decoder, its tower, and how the folder keeps the weights. */
interface ModelSizes {
  readonly text: DecoderSizes;
  readonly tower: VisionSizes;
  readonly type: WeightType;
}

const tower: VisionSizes = {
  width: 128,
  layers: 4,
  heads: 4,
  intermediate: 344,
  patch: 14,
  temporal: 2,
  merge: 2,
  fullAttention: [1, 3],
};

type Decoder = readonly [width: number, layers: number, heads: number, keyValueHeads: number, intermediate: number];
type Tower = readonly [width: number, layers: number, heads: number, intermediate: number];

function decoder(vocabulary: number, [width, layers, heads, keyValueHeads, intermediate]: Decoder): DecoderSizes {
  const pairs = width / heads / 2;
  // A quarter of the rotary pairs for time, the rest for height and width, as published.
  const mropeSection = [pairs / 4, (3 * pairs) / 8, (3 * pairs) / 8];
  return { vocabulary, width, layers, heads, keyValueHeads, intermediate, mropeSection };
}

const small = (sizes: Decoder): ModelSizes => ({ text: decoder(2048, sizes), tower, type: "F32" });

/** In real proportions: the published vocabulary, tied, weights in bfloat16. */
function large(
  sizes: Decoder,
  [width, layers, heads, intermediate]: Tower,
  fullAttention: readonly number[],
  vocabulary = 151_936,
): ModelSizes {
  return {
    text: decoder(vocabulary, sizes),
    tower: { ...tower, width, layers, heads, intermediate, fullAttention },
    type: "BF16",
  };
}

/** By name. */
const models: Readonly<Record<string, ModelSizes>> = {
  bench: small([256, 6, 4, 2, 688]),
  m44: small([768, 6, 12, 4, 2048]),
  wide: small([1024, 8, 16, 4, 2752]),
  m300: small([1536, 12, 24, 4, 4096]),
  m110: large([512, 8, 8, 2, 1408], [320, 4, 5, 856], [1, 3]),
  m530: large([896, 24, 14, 2, 4864], [512, 8, 8, 1368], [3, 7]),
  b1: large([1280, 26, 10, 2, 6912], [640, 10, 10, 1712], [4, 9]),
  // One layer of the width and with the vocabulary of 7 billion parameters: its tied table is 2.18 GB in float32.
  table: large([3584, 1, 28, 4, 18_944], [320, 4, 5, 856], [1, 3], 152_064),
  table32: { ...large([3584, 1, 28, 4, 18_944], [320, 4, 5, 856], [1, 3], 152_064), type: "F32" },
  b3: large([2048, 36, 16, 2, 11_008], [1280, 32, 16, 3420], [7, 15, 23, 31]),
};

/** @throws Error naming the models there are */
export function modelSizes(name: string): ModelSizes {
  const sizes = models[name];
  if (sizes === undefined)
    throw new Error(`there is no model "${name}" to measure; there are ${Object.keys(models).join(", ")}`);
  return sizes;
}

/** Its config.json. */
export const modelConfig = (name: string): Record<string, unknown> =>
  qwenConfig(modelSizes(name).text, modelSizes(name).tower);

/**
 * Uniform with standard deviation 0.05, norms 1: next-token distributions are wide, so that lengths vary and no token
 * is rare.
 */
function randomWeights(config: Record<string, unknown>): FloatSources {
  const random = createRandom(1);
  const parameters = createModel(parseQwen25VlConfig(config)).parameters;
  return new Map(
    [...parameters].map(([name, shape]) => [
      name,
      { shape, read: () => Promise.resolve(randomTensor(name, shape, random)) },
    ]),
  );
}

function randomTensor(name: string, shape: readonly number[], random: Random): Float32Array {
  const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
  if (/norm\d?\.weight$|ln_q\.weight$/.test(name)) return data.fill(1);
  if (shape.length === 1) return data;
  const range = 0.05 * Math.sqrt(12) * Math.min(1, Math.sqrt(256 / (shape.at(-1) ?? 256)));
  // Xorshift (Marsaglia, 2003): keyed draws of billions of numbers would take minutes.
  let state = random.key(name).words[0] | 1;
  for (let i = 0; i < data.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    data[i] = ((state >>> 0) / 2 ** 32 - 0.5) * range;
  }
  return data;
}

/**
 * The folder of a model under `root`, made if it is not there. Its end-of-text token is one that is never sampled, so
 * that every response reaches its limit.
 */
export function modelFolder(root: string, name: string): Promise<string> {
  const folder = join(root, name);
  const making = folders.get(folder) ?? makeModel(folder, name);
  folders.set(folder, making);
  return making;
}

/** Two sides may ask for a folder at a time. */
const folders = new Map<string, Promise<string>>();

async function makeModel(folder: string, name: string): Promise<string> {
  const { type } = modelSizes(name);
  if (existsSync(folder)) return folder;
  const config = modelConfig(name);
  const generation = {
    bos_token_id: specialId("<|endoftext|>"),
    pad_token_id: specialId("<|endoftext|>"),
    eos_token_id: specialId("<|image_pad|>"),
  };
  const files = {
    ...textFiles(),
    "config.json": JSON.stringify(config, null, 2),
    "generation_config.json": JSON.stringify(generation),
  };
  await saveModelFolder(folder, { source: new Map(Object.entries(files)), weights: randomWeights(config), type });
  return folder;
}

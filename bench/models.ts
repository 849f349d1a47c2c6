/** Random Qwen2.5-VL models of the sizes that are measured, as Hugging Face folders that both sides load. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createRandom, type Weights } from "@papo/core";
import { parseQwen25VlConfig } from "../core/model/families/qwen2.5-vl/config.ts";
import { saveModelFolder } from "../core/model/files/folder.ts";
import { createModel } from "../core/model/registry.ts";
import { type DecoderSizes, qwenConfig, type VisionSizes } from "../recipes/app/tasks/shapes/model.ts";
import { textFiles } from "../recipes/app/tasks/shapes/tokenizer.ts";
import { specialId } from "../recipes/app/tasks/shapes/vocabulary.ts";

const common = { vocabulary: 2048, mropeSection: [8, 12, 12] };

/** Decoder sizes by name; heads have 64 entries. */
export const sizes: Readonly<Record<string, DecoderSizes>> = {
  bench: { ...common, width: 256, layers: 6, heads: 4, keyValueHeads: 2, intermediate: 688 },
  m44: { ...common, width: 768, layers: 6, heads: 12, keyValueHeads: 4, intermediate: 2048 },
  wide: { ...common, width: 1024, layers: 8, heads: 16, keyValueHeads: 4, intermediate: 2752 },
  m300: { ...common, width: 1536, layers: 12, heads: 24, keyValueHeads: 4, intermediate: 4096 },
};

export const vocabularySize = common.vocabulary;
const vision: VisionSizes = { width: 128, layers: 4, heads: 4, intermediate: 344, patch: 14, temporal: 2, merge: 2, fullAttention: [1, 3] };

/** Uniform with standard deviation 0.05, norms 1: next-token distributions are wide, so that lengths vary and no token is rare. */
function randomWeights(config: Record<string, unknown>): Weights {
  const random = createRandom(1);
  const parameters = createModel(parseQwen25VlConfig(config)).parameters;
  return new Map([...parameters].map(([name, shape]) => {
    const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
    const isNorm = /norm\d?\.weight$|ln_q\.weight$/.test(name);
    const draws = random.key(name);
    const range = 0.05 * Math.sqrt(12) * Math.min(1, Math.sqrt(256 / (shape.at(-1) ?? 256)));
    if (isNorm) data.fill(1);
    else if (shape.length > 1) for (let i = 0; i < data.length; i++) data[i] = (draws.uniform(i) - 0.5) * range;
    return [name, { shape, data }];
  }));
}

/** The folder of a model under `root`, made if it is not there. Its end-of-text token is one that is never sampled, so that every response reaches its limit. */
export function modelFolder(root: string, name: string): Promise<string> {
  const folder = join(root, name);
  const making = folders.get(folder) ?? makeModel(folder, name);
  folders.set(folder, making);
  return making;
}

/** Two sides may ask for a folder at a time. */
const folders = new Map<string, Promise<string>>();

async function makeModel(folder: string, name: string): Promise<string> {
  const size = sizes[name];
  if (size === undefined) throw new Error(`there is no model "${name}" to measure; there are ${Object.keys(sizes).join(", ")}`);
  if (existsSync(folder)) return folder;
  const config = qwenConfig(size, vision);
  const generation = { bos_token_id: specialId("<|endoftext|>"), pad_token_id: specialId("<|endoftext|>"), eos_token_id: specialId("<|image_pad|>") };
  const files = { ...textFiles(), "config.json": JSON.stringify(config, null, 2), "generation_config.json": JSON.stringify(generation) };
  await saveModelFolder(folder, { source: new Map(Object.entries(files)), weights: randomWeights(config) });
  return folder;
}

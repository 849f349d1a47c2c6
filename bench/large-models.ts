/** Random models of published depth and width, as bfloat16 folders that are written a tensor at a time. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createRandom } from "@papo/core";
import { parseQwen25VlConfig } from "../core/model/families/qwen2.5-vl/config.ts";
import { saveModelFolder } from "../core/model/files/folder.ts";
import type { FloatSource } from "../core/model/files/safetensors-write.ts";
import { createModel } from "../core/model/registry.ts";
import { qwenConfig } from "../recipes/app/tasks/shapes/model.ts";
import { textFiles } from "../recipes/app/tasks/shapes/tokenizer.ts";
import { specialId } from "../recipes/app/tasks/shapes/vocabulary.ts";

interface LargeSizes {
  /** Hidden size, layers, heads, heads of keys and values, intermediate size of the decoder. */
  readonly decoder: readonly [width: number, layers: number, heads: number, keyValueHeads: number, intermediate: number];
  /** Hidden size, blocks, heads and intermediate size of the vision tower. */
  readonly vision: readonly [width: number, layers: number, heads: number, intermediate: number];
}

export const largeSizes: Readonly<Record<string, LargeSizes>> = {
  m110: { decoder: [512, 8, 8, 2, 1408], vision: [320, 4, 5, 856] },
  m530: { decoder: [896, 24, 14, 2, 4864], vision: [512, 8, 8, 1368] },
  b1: { decoder: [1280, 26, 10, 2, 6912], vision: [640, 10, 10, 1712] },
  b3: { decoder: [2048, 36, 16, 2, 11_008], vision: [1280, 32, 16, 3420] },
};

const vocabulary = 151_936;

/** Values that are drawn once and read again and again: what numbers they are does not matter to what is measured. */
const drawn = 2 ** 20;

function configOf({ decoder, vision }: LargeSizes): Record<string, unknown> {
  const [width, layers, heads, keyValueHeads, intermediate] = decoder;
  const mropeSection = width / heads === 128 ? [16, 24, 24] : [8, 12, 12];
  const [towerWidth, blocks, towerHeads, towerIntermediate] = vision;
  const tower = { width: towerWidth, layers: blocks, heads: towerHeads, intermediate: towerIntermediate };
  return qwenConfig(
    { width, layers, heads, keyValueHeads, intermediate, vocabulary, mropeSection },
    { ...tower, patch: 14, temporal: 2, merge: 2, fullAttention: [blocks - 1] },
  );
}

/** Uniform with a standard deviation of 0.05, less where many numbers meet; norms are 1, biases 0. */
function randomSources(config: Record<string, unknown>): Map<string, FloatSource> {
  const draws = createRandom(1).key("large");
  const table = Float32Array.from({ length: drawn + 1 }, (_, i) => draws.uniform(i) - 0.5);
  return new Map([...createModel(parseQwen25VlConfig(config)).parameters].map(([name, shape]) => {
    const read = (): Promise<Float32Array> => {
      const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
      const range = 0.05 * Math.sqrt(12) * Math.min(1, Math.sqrt(256 / (shape.at(-1) ?? 256)));
      if (/norm\d?\.weight$|ln_q\.weight$/.test(name)) data.fill(1);
      // The table is one longer than a power of two, so that rows of a matrix differ.
      else if (shape.length > 1) for (let i = 0; i < data.length; i++) data[i] = (table[i % table.length] as number) * range;
      return Promise.resolve(data);
    };
    return [name, { shape, read }];
  }));
}

/**
 * The folder of a model under `root`, made if it is not there. Its end-of-text token is one that is never sampled.
 * @throws Error where there are no such sizes
 */
export async function largeModelFolder(root: string, name: string, type: "BF16" | "F32" = "BF16"): Promise<string> {
  const sizes = largeSizes[name];
  if (sizes === undefined) throw new Error(`there is no large model "${name}"; there are ${Object.keys(largeSizes).join(", ")}`);
  const folder = join(root, `${name}-${type}`);
  if (existsSync(folder)) return folder;
  const config = configOf(sizes);
  const text = specialId("<|endoftext|>");
  const generation = { bos_token_id: text, pad_token_id: text, eos_token_id: specialId("<|image_pad|>") };
  const files = { ...textFiles(), "config.json": JSON.stringify(config, null, 2), "generation_config.json": JSON.stringify(generation) };
  await saveModelFolder(folder, { source: new Map(Object.entries(files)), weights: randomSources(config), type });
  return folder;
}

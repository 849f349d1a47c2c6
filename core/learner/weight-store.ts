/** How a checkpoint holds weights: a model folder, or an adapter alone. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type AdaptedModel, loadAdapterFolder, saveAdapterFolder } from "../model/files/adapter-folder.ts";
import { addRemainder } from "../model/files/float-formats.ts";
import { openModelFolder, readFinite, saveModelFolder } from "../model/files/folder.ts";
import { readTensor } from "../model/files/safetensors.ts";
import { readSafetensorsHeader, type TensorEntry } from "../model/files/safetensors-header.ts";
import { writeSafetensors } from "../model/files/safetensors-write.ts";
import type { Lora } from "../model/lora/open.ts";
import type { ModelRuntime } from "../model/runtime.ts";

/** Types of a model folder's weights: the names of settings. */
export type CheckpointType = "float32" | "bfloat16" | "float16" | "input";

export interface WeightStore {
  /**
   * Write the current weights into a checkpoint's folder.
   * @param exact with what it takes to give the trained ones back to the bit
   */
  write(folder: string, exact: boolean): Promise<void>;
  /** Make the trained weights those that were written there. @throws Error naming the file at fault */
  restore(folder: string): Promise<void>;
}

/**
 * What the types of `model/` leave out of the trained weights: 16 bits of each number beside bfloat16, else float32
 * whole.
 */
const exactFile = "exact.safetensors";

/**
 * `model/`: a Hugging Face folder with everything but the weights as in the folder that the model came from;
 * `exact.safetensors` beside it where its type is not float32. One tensor at a time is in memory beside the weights.
 */
export function modelStore(runtime: ModelRuntime, source: string, type: CheckpointType = "float32"): WeightStore {
  const written = ({ float32: "F32", bfloat16: "HIGH", float16: "F16", input: "input" } as const)[type];
  return {
    async write(folder, exact) {
      await saveModelFolder(join(folder, "model"), {
        source,
        weights: runtime.weights(),
        type: exact || written !== "HIGH" ? written : "BF16",
      });
      if (exact && written !== "F32")
        await writeSafetensors(join(folder, exactFile), runtime.trained(), {
          type: written === "HIGH" ? "LOW" : "F32",
        });
    },
    async restore(folder) {
      const kept = join(folder, exactFile);
      const exact = existsSync(kept) ? (await readSafetensorsHeader(kept)).entries : new Map<string, TensorEntry>();
      const { entries } = await openModelFolder(join(folder, "model"), () => runtime.model.parameters);
      for (const [name, { data }] of runtime.trained()) {
        const left = exact.get(name);
        data.set(await readFinite(left?.type === "F32" ? left : entries.get(name)!));
        if (left?.type === "U16") addRemainder(data, (await readTensor(left)).data as Uint16Array);
      }
    },
  };
}

/** `adapter/`: the trained adapter as PEFT saves it. */
export const adapterStore = (
  runtime: ModelRuntime,
  { config, adapter }: Lora["trained"],
  base: AdaptedModel,
): WeightStore => ({
  write: (folder) => saveAdapterFolder(join(folder, "adapter"), { config, adapter, weights: runtime.weights() }),
  restore: async (folder) => {
    const { weights } = await loadAdapterFolder(join(folder, "adapter"), adapter.name, base);
    for (const [name, { data }] of runtime.trained()) data.set(weights.get(name)!.data);
  },
});

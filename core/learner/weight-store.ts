/** How a checkpoint holds weights: a model folder, or an adapter alone. */
import { join } from "node:path";
import { type AdaptedModel, loadAdapterFolder, saveAdapterFolder } from "../model/files/adapter-folder.ts";
import { loadModelFolder, saveModelFolder } from "../model/files/folder.ts";
import type { Lora } from "../model/lora/open.ts";
import type { Weights } from "../model/model.ts";
import type { ModelRuntime } from "../model/runtime.ts";

export interface WeightStore {
  /** Write the current weights into a checkpoint's folder. */
  write(folder: string): Promise<void>;
  /** What was written there, at least all that is trained. @throws Error naming the file at fault */
  read(folder: string): Promise<Weights>;
}

/** `model/`: a Hugging Face folder, float32, with everything but the weights as in the folder that the model came from. */
export const modelStore = (runtime: ModelRuntime, source: string): WeightStore => ({
  write: (folder) => saveModelFolder(join(folder, "model"), { source, weights: runtime.weights() }),
  read: async (folder) => (await loadModelFolder(join(folder, "model"), () => runtime.model.parameters)).weights,
});

/** `adapter/`: the trained adapter as PEFT saves it. */
export const adapterStore = (runtime: ModelRuntime, { config, adapter }: Lora["trained"], base: AdaptedModel): WeightStore => ({
  write: (folder) => saveAdapterFolder(join(folder, "adapter"), { config, adapter, weights: runtime.weights() }),
  read: async (folder) => (await loadAdapterFolder(join(folder, "adapter"), adapter.name, base)).weights,
});

/**
 * A learner's exact state in a folder: the weights as its store has them, `optimizer.safetensors`,
 * `kept/<name>.safetensors` and `learner.json`.
 */
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { readSafetensors } from "../model/files/safetensors.ts";
import { writeSafetensors } from "../model/files/safetensors-write.ts";
import type { Weights } from "../model/model.ts";
import type { ModelRuntime } from "../model/runtime.ts";
import type { SavedContent } from "./learner.ts";
import type { OptimizerState } from "./optimizer/optimizer.ts";
import type { TrainingState } from "./optimizer/training-state.ts";
import type { WeightStore } from "./weight-store.ts";
import { readJsonFile } from "../machine/json-file.ts";

export interface SavedLearner {
  readonly runtime: ModelRuntime;
  readonly training: TrainingState;
  readonly store: WeightStore;
}

const learnerSchema = z.object({
  version: z.number(),
  updates: z.number(),
  /** Names of the weights that are kept besides the current ones. */
  kept: z.array(z.string()).readonly(),
});

const optimizerFile = (folder: string): string => join(folder, "optimizer.safetensors");
const keptFile = (folder: string, name: string): string => join(folder, "kept", `${name}.safetensors`);
const learnerFile = (folder: string): string => join(folder, "learner.json");

export async function saveLearner(
  folder: string,
  { runtime, training, store }: SavedLearner,
  content: SavedContent,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  await store.write(folder, content !== "export");
  if (content === "export") return;
  const { updates, arrays } = training.state();
  if (content === "all") await writeSafetensors(optimizerFile(folder), arrays);
  const { version, kept } = runtime;
  if (kept.length > 0) await mkdir(join(folder, "kept"), { recursive: true });
  for (const name of kept) await writeSafetensors(keptFile(folder, name), runtime.trained(name));
  await writeFile(
    learnerFile(folder),
    `${JSON.stringify({ version, updates, kept } satisfies z.output<typeof learnerSchema>)}\n`,
  );
}

/** @returns the version of the weights that were read */
export async function loadLearner(folder: string, { runtime, training, store }: SavedLearner): Promise<number> {
  const { version, updates, kept } = readJsonFile(
    learnerFile(folder),
    learnerSchema,
    "remove this checkpoint's folder, and an older one is taken",
  );
  await store.restore(folder);
  // What is there goes first: both together are 16 bytes a parameter.
  training.restore({ updates: 0, arrays: new Map() });
  const moments = optimizerFile(folder);
  if (existsSync(moments)) training.restore({ updates, arrays: await readArrays(moments) });
  for (const name of kept) {
    runtime.forget(name);
    runtime.keep(name, (await readArrays(keptFile(folder, name))) as Weights);
  }
  return version;
}

/** Floats, and bytes where moments are in 8 bits. */
async function readArrays(file: string): Promise<OptimizerState["arrays"]> {
  const tensors = await readSafetensors(file);
  return new Map(
    [...tensors].map(([name, { shape, data }]) => [name, { shape, data: data as Float32Array | Uint8Array }]),
  );
}

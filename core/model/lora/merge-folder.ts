/** A model folder with adapters merged into its weights. */
import { join } from "node:path";
import { adaptedModel, loadAdapterFolder } from "../files/adapter-folder.ts";
import { adapterConfigName, readAdapterConfig } from "../files/adapter-config.ts";
import { openModelFolder, readFinite, saveModelFolder } from "../files/folder.ts";
import { createModel } from "../registry.ts";
import { mergeInto } from "./merge.ts";

export interface MergeOptions {
  /** Folders of adapters, merged in this order. */
  readonly adapters: readonly string[];
  /** The model's folder; default: what the first adapter's configuration names. */
  readonly base?: string;
  /** Type of the weights; default "input": each tensor's in the base. */
  readonly type?: "F32" | "BF16" | "F16" | "input";
}

/**
 * Write `folder` as the base with W + scale · B·A in place of W. One tensor at a time is in memory, and the adapters.
 * @throws Error naming the file at fault, or a base that is not there
 */
export async function mergeAdapters(
  folder: string,
  { adapters, base: given, type = "input" }: MergeOptions,
): Promise<void> {
  const base = given ?? (await namedBase(adapters[0]!));
  const { config, entries } = await openModelFolder(base, (described) => createModel(described).parameters);
  const model = adaptedModel(config);
  const loaded = await Promise.all(adapters.map((adapter) => loadAdapterFolder(adapter, "", model)));
  const weights = new Map(
    [...entries].map(([name, entry]) => [
      name,
      {
        shape: entry.shape,
        read: async (): Promise<Float32Array> => {
          const values = await readFinite(entry);
          for (const adapter of loaded) mergeInto(values, name, adapter);
          return values;
        },
      },
    ]),
  );
  await saveModelFolder(folder, { source: base, weights, type });
}

/** The base that an adapter's configuration names. @throws Error where it names none */
export async function namedBase(adapter: string): Promise<string> {
  const { base } = await readAdapterConfig(adapter);
  if (base === null)
    throw new Error(`${join(adapter, adapterConfigName)} names no base_model_name_or_path: say which model it is for`);
  return base;
}

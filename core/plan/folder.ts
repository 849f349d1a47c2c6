/** A model folder as a plan needs it: its configuration and the headers of its files; no weights are read. */
import type { FileType } from "../graph/executor.ts";
import { readModelConfig } from "../model/files/read-config.ts";
import { readFolderEntries } from "../model/files/safetensors.ts";
import { familyOf } from "../model/registry.ts";
import type { ModelConfig } from "../model/files/config.ts";

/** A model as a plan knows it: its configuration, and the types of its weights on disk. */
export interface PlannedModel {
  readonly config: ModelConfig;
  readonly typeOf: (parameter: string) => FileType;
  /** Default: none, the model is known by its configuration alone. */
  readonly folder?: string;
}

/** @throws Error naming the file of the folder that is missing or wrong */
export async function plannedFolder(folder: string): Promise<PlannedModel> {
  const config = await readModelConfig(folder);
  const { canonical } = familyOf(config.raw).tensors;
  const types = new Map(
    [...(await readFolderEntries(folder)).values()].map(({ name, type }) => [canonical(name), type]),
  );
  return { config, folder, typeOf: (parameter) => types.get(parameter) as FileType };
}

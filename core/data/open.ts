/** A dataset by its path. */
import { existsSync, statSync } from "node:fs";
import { resolve } from "node:path";
import type { Dataset } from "./dataset.ts";
import { openJsonl } from "./jsonl.ts";
import { openParquet, type ParquetOptions } from "./parquet.ts";

export type DataOptions = Parameters<typeof openJsonl>[1] & Pick<ParquetOptions, "split">;

/**
 * Open a .jsonl or .json file, a .parquet file, or a folder of .parquet files as Hugging Face datasets are.
 * @throws Error naming the file and what is wrong with it
 */
export async function openData(path: string, { split, ...options }: DataOptions = {}): Promise<Dataset> {
  if (!existsSync(path)) throw new Error(`The dataset ${resolve(path)} does not exist`);
  if (path.endsWith(".parquet") || statSync(path).isDirectory()) {
    return openParquet(path, { ...(options.columns === undefined ? {} : { columns: options.columns }), ...(split === undefined ? {} : { split }) });
  }
  return openJsonl(path, options);
}

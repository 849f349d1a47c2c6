/** A dataset by its path. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { extname, resolve } from "node:path";
import type { Dataset } from "./dataset.ts";
import { openJsonl } from "./jsonl.ts";
import type { openArrow as readArrow } from "./arrow.ts";
import type { BlocksOptions } from "./blocks.ts";
import type { openParquet as readParquet } from "./parquet.ts";

// Readers of these formats are loaded when one is opened: a run without them starts a quarter of a second sooner.
export const openArrow: typeof readArrow = async (...given) => (await import("./arrow.ts")).openArrow(...given);
export const openParquet: typeof readParquet = async (...given) => (await import("./parquet.ts")).openParquet(...given);

export type DataOptions = Parameters<typeof openJsonl>[1] & Pick<BlocksOptions, "split">;

/**
 * Open a .jsonl or .json file, a .parquet or .arrow file, or a folder of them as Hugging Face datasets are: on the hub, or as save_to_disk writes them.
 * @throws Error naming the file and what is wrong with it
 */
export async function openData(path: string, { split, ...options }: DataOptions = {}): Promise<Dataset> {
  if (!existsSync(path)) throw new Error(`The dataset ${resolve(path)} does not exist`);
  const kind = statSync(path).isDirectory() ? kindOf(path) : extname(path);
  const blocks = { ...(options.columns === undefined ? {} : { columns: options.columns }), ...(split === undefined ? {} : { split }) };
  if (kind === ".parquet") return openParquet(path, blocks);
  if (kind === ".arrow") return openArrow(path, blocks);
  return openJsonl(path, options);
}

/** What a folder holds: Parquet before Arrow, which may be no more than a cache beside it. */
const kindOf = (folder: string): ".parquet" | ".arrow" => {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return !names.some((name) => name.endsWith(".parquet")) && names.some((name) => name.endsWith(".arrow")) ? ".arrow" : ".parquet";
};

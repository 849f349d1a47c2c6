/** A dataset by its path, read where a damaged file can do no harm. */
import type { Dataset } from "./dataset.ts";
import type { BlocksOptions } from "./formats/blocks.ts";
import type { TextOptions } from "./formats/records.ts";
import { kindOf, type DataKind } from "./open-file.ts";
import { openGuarded } from "./reader/guarded-dataset.ts";
import { readerFor } from "./reader/reader-process.ts";
import type { DataOptions as ReadOptions, LimitsOptions } from "./reader/reading-options.ts";

/** What reading may cost: see reading-options.ts. */
interface Limited {
  readonly limits?: LimitsOptions;
}

export type DataOptions = Omit<ReadOptions, "heldBytes"> & Limited;

/**
 * Open a .jsonl, .json, .csv, .tsv, .parquet, .arrow or .feather file, or a folder of Parquet or Arrow files as Hugging
 * Face datasets are: on the hub, or as save_to_disk writes them. Files are read in a process of their own, within
 * limits of time and memory: what goes beyond them is a row that cannot be used, as other damage is.
 * @throws Error naming the file and what is wrong with it
 */
export const openData = async (path: string, options: DataOptions = {}): Promise<Dataset> =>
  open(path, kindOf(path), options);

/** Start the process that files without limits of their own are read in, while something else is waited for. */
export const beginReading = (): void => readerFor().begin();

/** As openData, whatever the file is called. */
export const openJsonl = (path: string, options: TextOptions & Limited = {}): Promise<Dataset> =>
  open(path, "text", options);
export const openCsv = (path: string, options: TextOptions & Limited = {}): Promise<Dataset> =>
  open(path, "csv", options);
export const openParquet = (path: string, options: BlocksOptions & Limited = {}): Promise<Dataset> =>
  open(path, "parquet", options as ReadOptions);
export const openArrow = (path: string, options: BlocksOptions & Limited = {}): Promise<Dataset> =>
  open(path, "arrow", options as ReadOptions);

const open = (path: string, kind: DataKind, { limits, ...options }: ReadOptions & Limited): Promise<Dataset> =>
  openGuarded({ path, kind, options }, limits);

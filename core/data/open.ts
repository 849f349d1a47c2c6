/** A dataset by its path. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, extname, resolve } from "node:path";
import type { Dataset } from "./dataset.ts";
import type { openArrow as readArrow } from "./formats/arrow.ts";
import type { BlocksOptions } from "./formats/blocks.ts";
import type { openCsv as readCsv } from "./formats/csv.ts";
import { openJsonl } from "./formats/jsonl.ts";
import type { openParquet as readParquet } from "./formats/parquet.ts";
import type { TextOptions } from "./formats/records.ts";

// Readers of these formats are loaded when one is opened: a run without them starts a quarter of a second sooner.
export const openArrow: typeof readArrow = async (...given) => (await import("./formats/arrow.ts")).openArrow(...given);
export const openCsv: typeof readCsv = async (...given) => (await import("./formats/csv.ts")).openCsv(...given);
export const openParquet: typeof readParquet = async (...given) => (await import("./formats/parquet.ts")).openParquet(...given);

export type DataOptions = TextOptions & Pick<BlocksOptions, "split">;

const kinds: Readonly<Record<string, "text" | "csv" | "parquet" | "arrow">> = {
  ".jsonl": "text", ".json": "text", ".ndjson": "text", ".jsonlines": "text", ".csv": "csv", ".tsv": "csv", ".parquet": "parquet", ".arrow": "arrow", ".feather": "arrow", ".ipc": "arrow",
};

/**
 * Open a .jsonl, .json, .csv, .tsv, .parquet, .arrow or .feather file, or a folder of Parquet or Arrow files as Hugging Face datasets are: on the hub, or as save_to_disk writes them.
 * @throws Error naming the file and what is wrong with it
 */
export async function openData(path: string, { split, ...options }: DataOptions = {}): Promise<Dataset> {
  if (!existsSync(path)) throw new Error(`The dataset ${resolve(path)} does not exist`);
  const isFolder = statSync(path).isDirectory();
  const kind = isFolder ? kindOfFolder(path) : kinds[extname(path).toLowerCase()];
  if (kind === undefined) throw new Error(`The dataset ${resolve(path)} is of no kind that is read, by its name: ${Object.keys(kinds).join(", ")} are${/\.(?:gz|zst|bz2|xz|zip)$/i.test(path) ? "; unpack it" : ""}`);
  if (kind === "text") return openJsonl(path, options);
  if (kind === "csv") return openCsv(path, options);
  const blocks = { ...(options.columns === undefined ? {} : { columns: options.columns }), ...(split === undefined ? {} : { split }) };
  return kind === "parquet" ? openParquet(path, blocks) : openArrow(path, blocks);
}

/** What a folder holds: Parquet before Arrow, which may be no more than a cache beside it. @throws Error naming files that are to be given themselves */
function kindOfFolder(folder: string): "parquet" | "arrow" {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  const of = (kind: "text" | "csv" | "parquet" | "arrow"): string[] => names.filter((name) => kinds[extname(name).toLowerCase()] === kind && !basename(name).startsWith("."));
  if (of("parquet").length > 0) return "parquet";
  if (of("arrow").length > 0) return "arrow";
  const others = [...of("text"), ...of("csv")].filter((name) => name.includes(".jsonl") || !name.endsWith(".json"));
  if (others.length > 0) throw new Error(`The dataset folder ${resolve(folder)} holds no .parquet and no .arrow file; give one of its files itself: ${others.slice(0, 6).join(", ")}`);
  return "parquet";
}

/**
 * A dataset by its path, read in this process; what runs on users' files goes through open.ts, where a damaged one can
 * do no harm.
 */
import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, extname, resolve } from "node:path";
import type { Dataset } from "./dataset.ts";
import type { TextOptions } from "./formats/records.ts";
import type { DataOptions } from "./reader/reading-options.ts";

/** A kind of file; or the address of a module whose `open` takes path, options and what is to be passed over. */
export type DataKind = FileKind | `file:${string}`;

type FileKind = "text" | "csv" | "parquet" | "arrow";

const kinds: Readonly<Record<string, FileKind>> = {
  ".jsonl": "text",
  ".json": "text",
  ".ndjson": "text",
  ".jsonlines": "text",
  ".csv": "csv",
  ".tsv": "csv",
  ".parquet": "parquet",
  ".arrow": "arrow",
  ".feather": "arrow",
  ".ipc": "arrow",
};

/**
 * What a file or folder is, by its name and what it holds.
 * @throws Error for what is not there, or of no kind that is read
 */
export function kindOf(path: string): FileKind {
  if (!existsSync(path)) throw new Error(`The dataset ${resolve(path)} does not exist`);
  const kind = statSync(path).isDirectory() ? kindOfFolder(path) : kinds[extname(path).toLowerCase()];
  if (kind !== undefined) return kind;
  const packed = /\.(?:gz|zst|bz2|xz|zip)$/i.test(path) ? "; unpack it" : "";
  throw new Error(
    `The dataset ${resolve(path)} is of no kind that is read, by its name: ${Object.keys(kinds).join(", ")} are${packed}`,
  );
}

type OpenText = (path: string, options: TextOptions, passOver?: Readonly<Record<string, string>>) => Promise<Dataset>;

/**
 * Open what is of a kind. Readers are loaded when there is something for them.
 * @throws Error naming the file and what is wrong with it
 */
export async function openFile(
  path: string,
  kind: DataKind,
  options: DataOptions,
  passOver?: Readonly<Record<string, string>>,
): Promise<Dataset> {
  const { split, heldBytes, ...text } = options;
  if (kind === "text") return (await import("./formats/jsonl.ts")).openJsonl(path, text, passOver);
  if (kind.startsWith("file:")) return ((await import(kind)) as { open: OpenText }).open(path, text, passOver);
  if (kind === "csv") return (await import("./formats/csv.ts")).openCsv(path, text, passOver);
  const blocks = {
    ...(options.columns === undefined ? {} : { columns: options.columns }),
    ...(split === undefined ? {} : { split }),
    ...(heldBytes === undefined ? {} : { heldBytes }),
  };
  return kind === "parquet"
    ? (await import("./formats/parquet.ts")).openParquet(path, blocks)
    : (await import("./formats/arrow.ts")).openArrow(path, blocks);
}

/**
 * What a folder holds: Parquet before Arrow, which may be no more than a cache beside it.
 * @throws Error naming files that are to be given themselves
 */
function kindOfFolder(folder: string): "parquet" | "arrow" {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  const of = (kind: FileKind): string[] =>
    names.filter((name) => kinds[extname(name).toLowerCase()] === kind && !basename(name).startsWith("."));
  if (of("parquet").length > 0) return "parquet";
  if (of("arrow").length > 0) return "arrow";
  const others = [...of("text"), ...of("csv")].filter((name) => name.includes(".jsonl") || !name.endsWith(".json"));
  if (others.length > 0)
    throw new Error(
      `The dataset folder ${resolve(folder)} holds no .parquet and no .arrow file; give one of its files itself: ${others.slice(0, 6).join(", ")}`,
    );
  return "parquet";
}

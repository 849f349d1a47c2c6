/** Datasets of JSON objects, one a line or all in one value, pictures as paths relative to the file. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { z } from "zod";
import type { Row } from "../pipeline/batch.ts";
import { parseOptions } from "../host/options.ts";
import { columnsSchema, pictureValues, rowOf, type Columns } from "./columns.ts";
import type { Dataset, SkippedRow } from "./dataset.ts";

const jsonlSchema = z.strictObject({
  /** Which column of the file holds what; pictures are paths. */
  columns: columnsSchema,
  /** Folder that the pictures' paths are relative to, itself relative to the file's. */
  pictures: z.string().default("."),
  /** A row that cannot be used: "stop" with an error, or "skip" it, listed in `skipped`. */
  onBadRow: z.enum(["stop", "skip"]).default("stop"),
});

/**
 * Open a JSONL file, or a .json file that holds a list of rows or rows by id. Blank lines are passed over; columns that are not mapped are kept in `fields`.
 * Errors (or skips, as asked for) name the file and line, or the row's place in the list: bad JSON, a missing or wrong column, a missing picture, a second row of one id.
 */
export async function openJsonl(file: string, options: z.input<typeof jsonlSchema> = {}): Promise<Dataset> {
  const { columns, pictures, onBadRow } = parseOptions("openJsonl", jsonlSchema, options);
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    throw new Error(`The dataset ${resolve(file)} cannot be read: ${(error as Error).message}`, { cause: error });
  });
  const rows: Row[] = [];
  const skipped: SkippedRow[] = [];
  const placeOfId = new Map<string, string>();
  const entries = file.endsWith(".json") ? entriesOf(text.replace(/^\uFEFF/, ""), file) : linesOf(text.replace(/^\uFEFF/, ""));
  for (const { place, id, record } of entries) {
    const where = `${basename(file)}, ${place}`;
    try {
      const row = readRow(record(), id, columns, resolve(dirname(file), pictures));
      const earlier = placeOfId.get(row.id);
      if (earlier !== undefined) throw new Error(`id "${row.id}" is taken by ${earlier}`);
      placeOfId.set(row.id, place);
      rows.push(row);
    } catch (error) {
      const reason = (error as Error).message;
      if (onBadRow === "stop") throw new Error(`${where}: ${reason} (onBadRow: "skip" leaves such rows out)`, { cause: error });
      skipped.push({ where, reason });
    }
  }
  return { name: basename(file), size: rows.length, skipped, row: (index) => rows[index]! };
}

/** A row before it is read. */
interface Entry {
  /** "line 3". */
  readonly place: string;
  /** For rows without one. */
  readonly id: string;
  record(): Record<string, unknown>;
}

function linesOf(text: string): Entry[] {
  return text.split("\n").flatMap((line, index) => (line.trim() === "" ? [] : [{ place: `line ${index + 1}`, id: `line-${index + 1}`, record: () => parseLine(line) }]));
}

/** Of a .json file: a list, or an object of rows by id. */
function entriesOf(text: string, file: string): Entry[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(`The dataset ${resolve(file)} is not JSON (${(error as Error).message}); rows of one line each belong in a .jsonl file`, { cause: error });
  }
  if (typeof value !== "object" || value === null) throw new Error(`The dataset ${resolve(file)} must be a list of rows, or rows by id`);
  const named = Array.isArray(value) ? value.map((row: unknown, index) => [`row-${index + 1}`, row] as const) : Object.entries(value);
  return named.map(([id, row], index) => ({ place: `row ${index + 1}`, id, record: () => asRecord(row) }));
}

function readRow(record: Record<string, unknown>, id: string, columns: Columns, folder: string): Row {
  const images = pictureValues(record, columns).map((path) => resolve(folder, pathOf(path, columns)));
  const missing = images.find((path) => !existsSync(path));
  if (missing !== undefined) throw new Error(`picture ${missing} does not exist (paths are relative to the file)`);
  return rowOf(record, columns, { id, images, folder });
}

function parseLine(line: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new Error(`not JSON (${(error as Error).message})`, { cause: error });
  }
  return asRecord(value);
}

function asRecord(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error("a row must be one JSON object");
  return value as Record<string, unknown>;
}

function pathOf(value: unknown, { images }: Columns): string {
  if (typeof value === "string") return value;
  throw new Error(`column "${String(images)}" (the pictures) must be a path or a list of paths, found ${JSON.stringify(value).slice(0, 80)}`);
}

/** Datasets of one JSON object per line, pictures as paths relative to the file. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { z } from "zod";
import type { Row } from "../pipeline/batch.ts";
import { parseOptions } from "../host/options.ts";
import { columnsSchema, rowOf, type Columns } from "./columns.ts";
import type { Dataset, SkippedRow } from "./dataset.ts";

const jsonlSchema = z.strictObject({
  /** Which column of the file holds what; pictures are paths. */
  columns: columnsSchema,
  /** A row that cannot be used: "stop" with an error, or "skip" it, listed in `skipped`. */
  onBadRow: z.enum(["stop", "skip"]).default("stop"),
});

/**
 * Open a JSONL file. Blank lines are passed over; columns that are not mapped are kept in `fields`.
 * Errors (or skips, as asked for) name the file and line: bad JSON, a missing or wrong column, a missing picture, a second row of one id.
 */
export async function openJsonl(file: string, options: z.input<typeof jsonlSchema> = {}): Promise<Dataset> {
  const { columns, onBadRow } = parseOptions("openJsonl", jsonlSchema, options);
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    throw new Error(`The dataset ${resolve(file)} cannot be read: ${(error as Error).message}`, { cause: error });
  });
  const rows: Row[] = [];
  const skipped: SkippedRow[] = [];
  const lineOfId = new Map<string, number>();
  text.replace(/^\uFEFF/, "").split("\n").forEach((line, index) => {
    if (line.trim() === "") return;
    const where = `${basename(file)}, line ${index + 1}`;
    try {
      const row = readRow(line, index + 1, columns, dirname(resolve(file)));
      const earlier = lineOfId.get(row.id);
      if (earlier !== undefined) throw new Error(`id "${row.id}" is taken by line ${earlier}`);
      lineOfId.set(row.id, index + 1);
      rows.push(row);
    } catch (error) {
      const reason = (error as Error).message;
      if (onBadRow === "stop") throw new Error(`${where}: ${reason} (onBadRow: "skip" leaves such rows out)`, { cause: error });
      skipped.push({ where, reason });
    }
  });
  return { name: basename(file), size: rows.length, skipped, row: (index) => rows[index]! };
}

function readRow(line: string, lineNumber: number, columns: Columns, folder: string): Row {
  const record = parseLine(line);
  const images = imagePaths(record[columns.images], columns.images).map((path) => resolve(folder, path));
  const missing = images.find((path) => !existsSync(path));
  if (missing !== undefined) throw new Error(`picture ${missing} does not exist (paths are relative to the file)`);
  return rowOf(record, columns, { id: `line-${lineNumber}`, images, folder });
}

function parseLine(line: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new Error(`not JSON (${(error as Error).message})`, { cause: error });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error("a line must be one JSON object");
  return value as Record<string, unknown>;
}

function imagePaths(value: unknown, column: string): string[] {
  if (value === undefined || value === null) return [];
  if (typeof value === "string") return [value];
  if (Array.isArray(value) && value.every((path) => typeof path === "string")) return value;
  throw new Error(`column "${column}" (the pictures) must be a path or a list of paths, found ${JSON.stringify(value).slice(0, 80)}`);
}

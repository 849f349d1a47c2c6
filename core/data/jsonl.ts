/** Datasets of JSON objects, one a line or all in one value, pictures as paths relative to the file. */
import { createReadStream, existsSync } from "node:fs";
import { open, readFile } from "node:fs/promises";
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
 * A JSONL file is read through once, and then a row at a time: what stays in memory is where each line stands. Errors (or skips, as asked for) name the file and line, or the row's place in
 * the list: bad JSON, a missing or wrong column, a missing picture, a second row of one id.
 */
export async function openJsonl(file: string, options: z.input<typeof jsonlSchema> = {}): Promise<Dataset> {
  const { columns, pictures, onBadRow } = parseOptions("openJsonl", jsonlSchema, options);
  const folder = resolve(dirname(file), pictures);
  const entries: Entry[] = [];
  const skipped: SkippedRow[] = [];
  const placeOfId = new Map<string, string>();
  for await (const entry of file.endsWith(".json") ? listed(file) : lines(file)) {
    const { place } = entry;
    try {
      const row = readRow(entry, columns, folder);
      const missing = row.images.find((path) => !existsSync(path as string));
      if (missing !== undefined) throw new Error(`picture ${missing as string} does not exist (paths are relative to ${pictures === "." ? "the file" : `${pictures}, beside the file`})`);
      const earlier = placeOfId.get(row.id);
      if (earlier !== undefined) throw new Error(`id "${row.id}" is taken by ${earlier}`);
      placeOfId.set(row.id, place);
      entries.push("line" in entry ? { ...entry, line: null } : entry);
    } catch (error) {
      const [where, reason] = [`${basename(file)}, ${place}`, (error as Error).message];
      if (onBadRow === "stop") throw new Error(`${where}: ${reason} (onBadRow: "skip" leaves such rows out)`, { cause: error });
      skipped.push({ where, reason });
    }
  }
  return { name: basename(file), size: entries.length, skipped, row: async (index) => readRow(await filled(entries[index]!, file), columns, folder) };
}

/** A row before it is read: a line of a file, by where it stands in it, or a value. */
type Entry = LineEntry | ListedEntry;

interface LineEntry {
  /** "line 3". */
  readonly place: string;
  /** In bytes. */
  readonly start: number;
  readonly length: number;
  /** Null: not in memory. */
  readonly line: string | null;
}

interface ListedEntry {
  /** "row 3". */
  readonly place: string;
  /** For rows without one. */
  readonly id: string;
  readonly value: unknown;
}

/** The lines of a file that hold something. */
async function* lines(file: string): AsyncGenerator<LineEntry> {
  let [number, start] = [0, 0];
  let rest = Buffer.alloc(0);
  const entryOf = (bytes: Buffer): LineEntry[] => {
    const line = bytes.toString("utf8").replace(/^\uFEFF/, "");
    const entry = { place: `line ${++number}`, start, length: bytes.length, line };
    start += bytes.length + 1;
    return line.trim() === "" ? [] : [entry];
  };
  try {
    for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) {
      rest = Buffer.concat([rest, chunk as Buffer]);
      for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
        yield* entryOf(rest.subarray(0, end));
        rest = rest.subarray(end + 1);
      }
    }
  } catch (error) {
    throw unreadable(file, error as Error);
  }
  if (rest.length > 0) yield* entryOf(rest);
}

const unreadable = (file: string, error: Error): Error => new Error(`The dataset ${resolve(file)} cannot be read: ${error.message}`, { cause: error });

/** Of a .json file: a list, or an object of rows by id. */
async function* listed(file: string): AsyncGenerator<ListedEntry> {
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    throw unreadable(file, error as Error);
  });
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (error) {
    throw new Error(`The dataset ${resolve(file)} is not JSON (${(error as Error).message}); rows of one line each belong in a .jsonl file`, { cause: error });
  }
  if (typeof value !== "object" || value === null) throw new Error(`The dataset ${resolve(file)} must be a list of rows, or rows by id`);
  const named = Array.isArray(value) ? value.map((row: unknown, index) => [`row-${index + 1}`, row] as const) : Object.entries(value);
  for (const [index, [id, row]] of named.entries()) yield { place: `row ${index + 1}`, id, value: row };
}

/** An entry whose line is in memory. */
async function filled(entry: Entry, file: string): Promise<Entry> {
  if (!("line" in entry) || entry.line !== null) return entry;
  const handle = await open(file).catch((error: unknown) => {
    throw unreadable(file, error as Error);
  });
  try {
    const bytes = Buffer.alloc(entry.length);
    await handle.read(bytes, 0, entry.length, entry.start);
    return { ...entry, line: bytes.toString("utf8").replace(/^\uFEFF/, "") };
  } finally {
    await handle.close();
  }
}

function readRow(entry: Entry, columns: Columns, folder: string): Row {
  const record = "line" in entry ? parseLine(entry.line!) : asRecord(entry.value);
  const images = pictureValues(record, columns).map((path) => resolve(folder, pathOf(path, columns)));
  return rowOf(record, columns, { id: "line" in entry ? entry.place.replace(" ", "-") : entry.id, images, folder });
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

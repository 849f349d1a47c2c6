/** Datasets of text files: read through once, then a row at a time; what stays in memory is where each stands. */
import { open } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { z } from "zod";
import { parseOptions } from "../../options/options.ts";
import type { Row } from "../../contracts/step/row.ts";
import type { Dataset, SkippedRow } from "../dataset.ts";
import { checkMapped, ColumnFinder, columnsSchema, valueAt, type Columns, type Values } from "../rows/columns.ts";
import { causeOf, quoted } from "../../messages/shown.ts";
import { reading } from "../reader/place.ts";
import { rowOf } from "../rows/row.ts";

export const textSchema = z.strictObject({
  /** Which column of the file holds what. */
  columns: columnsSchema,
  /** Folder that the pictures' paths are relative to, itself relative to the file's. */
  pictures: z.string().default("."),
  /** A row that cannot be used: "stop" with an error, or "skip" it, listed in `skipped`. */
  onBadRow: z.enum(["stop", "skip"]).default("stop"),
});

export type TextOptions = z.input<typeof textSchema>;

/** A row before it is read. */
export interface Entry {
  /** "line 3", "row 3". */
  readonly place: string;
  /** For rows without one. */
  readonly id: string;
  /** What stands there: bytes of the file, read again when they are needed, or a value that stays in memory. */
  readonly source: ByteRange | { readonly value: unknown };
}

export interface ByteRange {
  readonly start: number;
  readonly length: number;
}

/** How a kind of file is read. */
export interface TextFormat {
  /**
   * All rows, in order, those that hold something, each with what reads it while it is at hand; some at a time.
   * @throws Error when the file cannot be read at all
   */
  entries(file: string): AsyncIterable<readonly { readonly entry: Entry; readonly read: () => unknown }[]>;
  /** What a text of the file says. @throws Error saying why it is no record */
  record(text: string): unknown;
}

/** Who opens a file, and what is known of it. */
export interface Opening {
  /** For messages. */
  readonly who: string;
  /** Why rows at these places cannot be used, "rows.jsonl, line 3". */
  readonly passOver?: Readonly<Record<string, string>>;
}

/**
 * Errors (or skips, as asked for) name the file and line, or the row's place in a list: what is no record, a missing or
 * wrong column, a missing picture, a second row of one id.
 */
export async function openTextFile(
  file: string,
  format: TextFormat,
  options: TextOptions,
  { who, passOver = {} }: Opening,
): Promise<Dataset> {
  const { columns, pictures, onBadRow } = parseOptions(who, textSchema, options);
  const folder = resolve(dirname(file), pictures);
  const absent = `paths are relative to ${pictures === "." ? "the file" : `${pictures}, beside the file`}`;
  const kept: Entry[] = [];
  const paths = new Set<string>();
  const skipped: SkippedRow[] = [];
  const placeOfId = new Map<string, string>();
  const seen = new SeenColumns(columns);
  const finder = new ColumnFinder(columns);
  const keep = (entry: Entry, record: Values): void => {
    seen.add(record);
    const { id, images } = rowOf(record, finder, placeOf(entry, file, folder, absent));
    const earlier = placeOfId.get(id);
    if (earlier !== undefined) throw new Error(`id "${quoted(id)}" is taken by ${earlier}`);
    placeOfId.set(id, entry.place);
    for (const image of images) if (typeof image === "string") paths.add(image);
    kept.push(entry);
  };
  for await (const together of format.entries(file)) {
    for (const { entry, read } of together) {
      try {
        const place = `${basename(file)}, ${entry.place}`;
        reading(place);
        const refused = passOver[place];
        if (refused !== undefined) throw new Error(refused);
        keep(entry, recordOf(read()));
      } catch (error) {
        const [where, reason] = [
          `${basename(file)}, ${entry.place}`,
          causeOf(error, "it cannot be read: it is damaged"),
        ];
        if (onBadRow === "stop")
          throw new Error(`${where}: ${reason} (onBadRow: "skip" leaves such rows out)`, { cause: error });
        skipped.push({ where, reason });
      }
    }
  }
  seen.check(basename(file));
  return {
    name: basename(file),
    size: kept.length,
    skipped,
    notes: finder.notes,
    pictures: () => Promise.resolve([...paths]),
    row: async (index): Promise<Row> => {
      const entry = kept[index];
      if (entry === undefined) throw new Error(`Dataset "${basename(file)}" has ${kept.length} rows, no row ${index}`);
      const { source } = entry;
      reading(`${basename(file)}, ${entry.place}`);
      return rowOf(
        recordOf("value" in source ? source.value : format.record(await textAt(source, file))),
        finder,
        placeOf(entry, file, folder, null),
      );
    },
  };
}

const placeOf = ({ id, place }: Entry, file: string, folder: string, absent: string | null) => ({
  id,
  name: `${basename(file)}, ${place}`,
  folder,
  absent,
});

/** Columns that any row has. */
class SeenColumns {
  readonly #columns: Columns;
  readonly #names = new Set<string>();
  /** Mapped columns that none had so far. */
  readonly #missing: Set<string>;

  constructor(columns: Columns) {
    this.#columns = columns;
    this.#missing = new Set(Object.values(columns).flat() as string[]);
  }

  add(record: Values): void {
    for (const name in record) this.#names.add(name);
    for (const column of this.#missing) if (valueAt(record, column) !== undefined) this.#missing.delete(column);
  }

  check(name: string): void {
    if (this.#names.size > 0)
      checkMapped(name, (column) => !this.#missing.has(column), [...this.#names], this.#columns);
  }
}

function recordOf(value: unknown): Values {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Error("a row must be one JSON object");
  return value as Values;
}

async function textAt({ start, length }: ByteRange, file: string): Promise<string> {
  const handle = await open(file).catch((error: unknown) => {
    throw unreadable(file, error as Error);
  });
  try {
    const bytes = Buffer.alloc(length);
    await handle.read(bytes, 0, length, start);
    return bytes.toString("utf8").replace(/^\uFEFF/, "");
  } finally {
    await handle.close();
  }
}

export const unreadable = (file: string, error: Error): Error =>
  new Error(`The dataset ${resolve(file)} cannot be read: ${error.message}`, { cause: error });

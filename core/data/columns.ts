/** Which column of a dataset holds what: the same for every kind of file. */
import { z } from "zod";
import type { Row } from "../pipeline/batch.ts";

export const columnsSchema = z
  .strictObject({
    /** The user's turn, text. */
    prompt: z.string().default("prompt"),
    /** The right answer, text or number. */
    answer: z.string().default("answer"),
    /** One picture or a list of them, or several such columns in order; a row without any has no pictures. */
    images: z.union([z.string(), z.array(z.string())]).default("images"),
    /** The system turn; a row without it leaves it to the chat template. */
    system: z.string().default("system"),
    /** Unique per row; rows without it are named by their place. */
    id: z.string().default("id"),
  })
  .prefault({});

export type Columns = z.output<typeof columnsSchema>;

/** A record as a row: what is mapped in its place, everything else in `fields`. @throws Error naming the column that is missing or wrong */
export function rowOf(record: Readonly<Record<string, unknown>>, columns: Columns, place: { readonly id: string; readonly images: Row["images"]; readonly folder: string }): Row {
  const mapped = new Set(Object.values(columns).flat());
  return {
    id: record[columns.id] === undefined || record[columns.id] === null ? place.id : textOf(record, columns.id, "id"),
    prompt: textOf(record, columns.prompt, "prompt"),
    system: record[columns.system] === undefined || record[columns.system] === null ? null : textOf(record, columns.system, "system"),
    images: place.images,
    answer: textOf(record, columns.answer, "answer"),
    fields: Object.fromEntries(Object.entries(record).filter(([name]) => !mapped.has(name))),
    folder: place.folder,
  };
}

/** What the columns of pictures hold, in order. */
export const pictureValues = (record: Readonly<Record<string, unknown>>, { images }: Columns): unknown[] =>
  [images].flat().flatMap((column) => record[column] ?? []);

function textOf(record: Readonly<Record<string, unknown>>, column: string, purpose: string): string {
  const value = record[column];
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint") return String(value);
  const found = value === undefined ? `columns found: ${Object.keys(record).join(", ") || "none"}` : `found ${JSON.stringify(value)}`;
  throw new Error(`column "${column}" (the ${purpose}) is missing or not text; ${found}; another column is named by columns: { ${purpose}: "…" }`);
}

/** Which column of a dataset holds what: the same for every kind of file. */
import { z } from "zod";
import { quoted } from "../../messages/shown.ts";

export const columnsSchema = z
  .strictObject({
    /**
     * The question: text, or a list of messages. A column inside another is named with dots: "extra_info.question".
     * Default: the first of `knownColumns.prompt` that there is; so for the others.
     */
    prompt: z.string().optional(),
    /** The right answer, text or number. Where no column holds it, it is the last turn of a list of messages. */
    answer: z.string().optional(),
    /** One picture or a list of them, or several such columns in order; []: rows have no pictures. */
    images: z.union([z.string(), z.array(z.string())]).optional(),
    /** The system turn; a row without it leaves it to the chat template. */
    system: z.string().optional(),
    /** Unique per row; rows without it are named by their place. */
    id: z.string().optional(),
  })
  .prefault({});

export type Columns = z.output<typeof columnsSchema>;
export type Purpose = keyof Columns;

/** Names that columns go by in public datasets and in the trainers that people come from, the first taken first. */
export const knownColumns: Readonly<Record<Purpose, readonly string[]>> = {
  prompt: ["prompt", "messages", "conversations", "conversation", "problem", "question", "query", "instruction"],
  answer: [
    "answer",
    "solution",
    "ground_truth",
    "reward_model.ground_truth",
    "final_answer",
    "correct_answer",
    "gt_answer",
    "completion",
    "response",
  ],
  images: [
    "images",
    "image",
    "pictures",
    "picture",
    "image_path",
    "image_paths",
    "decoded_image",
    "decoded_images",
    "image_file",
    "image_files",
    "image_url",
    "image_urls",
    "img",
    "imgs",
    "img_path",
    "photo",
    "photos",
    "imagename",
    "image_name",
    "file_name",
  ],
  system: ["system", "system_prompt"],
  id: ["id"],
};

/** For messages. */
export const purposeNames: Readonly<Record<Purpose, string>> = {
  prompt: "the prompt",
  answer: "the answer",
  images: "the pictures",
  system: "the system turn",
  id: "the id",
};

export type Values = Readonly<Record<string, unknown>>;

/** The value of a column, or of one inside it, "reward_model.ground_truth"; undefined where there is none. */
export function valueAt(record: Values, column: string): unknown {
  if (Object.hasOwn(record, column)) return record[column];
  const dot = column.indexOf(".");
  if (dot < 0) return undefined;
  const outer = Object.hasOwn(record, column.slice(0, dot)) ? record[column.slice(0, dot)] : undefined;
  return typeof outer === "object" && outer !== null && !Array.isArray(outer)
    ? valueAt(outer as Values, column.slice(dot + 1))
    : undefined;
}

/** How another column is named, in a run file and on the command line. */
export const mappingHint = (purpose: Purpose): string =>
  `another column is named by columns: { ${purpose}: "…" }, on the command line --columns ${purpose}=…`;

/** Names of columns in a message, which a file may have given any. */
export const columnNames = (names: readonly string[]): string => names.map((name) => quoted(name)).join(", ") || "none";

/** Mapped columns that a dataset does not have. @throws Error naming the first, and the columns that there are */
export function checkMapped(
  name: string,
  has: (column: string) => boolean,
  found: readonly string[],
  columns: Columns,
): void {
  for (const purpose of Object.keys(columns) as Purpose[]) {
    for (const column of [columns[purpose] ?? []].flat()) {
      if (!has(column))
        throw new Error(
          `${name} has no column "${column}" (${purposeNames[purpose]}); columns found: ${columnNames(found)}; ${mappingHint(purpose)}`,
        );
    }
  }
}

/** Where a record's values stand, by the names that it has. */
export interface Layout {
  /** Null: no column of those known is there. */
  readonly prompt: string | null;
  readonly answer: string | null;
  readonly system: string | null;
  readonly id: string | null;
  /** Columns that may hold pictures, the first taken first where none is mapped. */
  readonly images: readonly string[];
  /** Every other column. */
  readonly others: readonly string[];
}

/**
 * Finds the columns of records, and remembers what was taken from one that is not called by its purpose and that nobody
 * named: to be said.
 */
export class ColumnFinder {
  readonly columns: Columns;
  readonly #taken = new Map<string, Purpose>();
  #names = "";
  #layout: Layout | null = null;

  constructor(columns: Columns) {
    this.columns = columns;
  }

  /** Records of a file mostly have the same names in one order, so that this is found once. */
  layoutOf(record: Values): Layout {
    const names = Object.keys(record);
    const joined = names.join("\n");
    if (this.#layout === null || joined !== this.#names)
      [this.#names, this.#layout] = [joined, this.#found(record, names)];
    return this.#layout;
  }

  /** Pictures are taken from this column. */
  tookPictures(column: string): void {
    if (this.columns.images === undefined && column !== "images") this.#taken.set(column, "images");
  }

  get notes(): string[] {
    return [...this.#taken].map(
      ([column, purpose]) =>
        `${purposeNames[purpose]} ${purpose === "images" ? "are" : "is"} taken from the column "${quoted(column)}" (columns: { ${purpose}: "…" } names another)`,
    );
  }

  #found(record: Values, names: readonly string[]): Layout {
    const one = (purpose: Exclude<Purpose, "images">): string | null => {
      const mapped = this.columns[purpose];
      const column =
        mapped ??
        knownColumns[purpose].find(
          (known) => names.includes(known) || (known.includes(".") && valueAt(record, known) !== undefined),
        ) ??
        null;
      if (mapped === undefined && column !== null && column !== purpose) this.#taken.set(column, purpose);
      return column;
    };
    const own = { prompt: one("prompt"), answer: one("answer"), system: one("system"), id: one("id") };
    const images =
      this.columns.images === undefined
        ? knownColumns.images.filter((column) => names.includes(column))
        : [this.columns.images].flat();
    const mapped = new Set<string | null>([
      ...Object.values(own),
      ...(this.columns.images === undefined ? ["images"] : images),
    ]);
    return { ...own, images, others: names.filter((name) => !mapped.has(name)) };
  }
}

/** Where rows come from. */
import { textDigest, type DigestOf } from "./file-digest.ts";
import type { Random } from "../math/random.ts";
import type { PictureSource, Row } from "../contracts/step/row.ts";

/** A row that was left out when the dataset was opened, as the user asked for. */
export interface SkippedRow {
  /** Where it is: "train.jsonl, line 12". */
  readonly where: string;
  readonly reason: string;
}

/** Rows with a fixed order and number; the run shuffles them. */
export interface Dataset {
  /** For messages. */
  readonly name: string;
  readonly size: number;
  /** Rows left out on opening. */
  readonly skipped: readonly SkippedRow[];
  /** What was taken from columns that nobody named, and the like: to be said. Default none. */
  readonly notes?: readonly string[];
  /**
   * The rows of one pass in order, where not every order will do: of `random` alone, `size` numbers. Default: any
   * permutation.
   */
  readonly shuffle?: (random: Random) => ArrayLike<number>;
  /**
   * What tells this data from other data of the same name and size: a resumed run must meet the same. Default: nothing
   * does.
   */
  readonly digest?: (ofFile: DigestOf) => string;
  /**
   * Paths of the pictures that rows name, each once, in the order of the rows; those that may be missing too. Default:
   * none is known.
   */
  readonly pictures?: () => Promise<readonly string[]>;
  /** The row at an index in [0, size). @throws UnusableRowError for one that the settings may leave out */
  row(index: number): Row | Promise<Row>;
}

/** What a row needs at least; the rest is filled in. */
export type RowInput = Pick<Row, "prompt"> & Partial<Row>;

/** Rows held in memory. Ids default to the index; two rows with one id are an error. */
export function arrayDataset(rows: readonly RowInput[], name = "rows"): Dataset {
  const complete = rows.map((row, index) => ({
    id: row.id ?? String(index),
    prompt: row.prompt,
    system: row.system ?? null,
    images: row.images ?? [],
    answer: row.answer ?? "",
    fields: row.fields ?? {},
  }));
  const seen = new Set<string>();
  for (const { id } of complete) {
    if (seen.has(id)) throw new Error(`Dataset "${name}" has two rows with the id "${id}": ids must be unique`);
    seen.add(id);
  }
  const digest = (): string =>
    textDigest(JSON.stringify(complete.map(({ images, ...texts }) => [texts, images.map(nameAndBytes)])));
  const paths = new Set(complete.flatMap(({ images }) => images.filter((image) => typeof image === "string")));
  return {
    name,
    size: complete.length,
    skipped: [],
    digest,
    pictures: () => Promise.resolve([...paths]),
    row: (index) => rowAt(complete, index, name),
  };
}

const nameAndBytes = (image: PictureSource): unknown =>
  typeof image === "string" ? image : [image.name, Buffer.from(image.bytes).toString("base64")];

function rowAt(rows: readonly Row[], index: number, name: string): Row {
  const row = rows[index];
  if (row === undefined) throw new Error(`Dataset "${name}" has ${rows.length} rows, no row ${index}`);
  return row;
}

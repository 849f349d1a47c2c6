/** What a dataset row of this task says about its picture, read back from the row's extra columns. */
import { faultsOf, type Row } from "@papo/core";
import { z } from "zod";
import { colours, symbols, type Scene } from "./scene.ts";

const fieldsSchema = z.object({
  /** Name of the question's kind. */
  kind: z.string(),
  /** False when the question can be answered without the picture. */
  visionDependent: z.boolean(),
  /** What must be seen to answer. */
  facts: z.array(z.string()),
  /** From the facts to the answer. */
  reasoning: z.string(),
  /** What the picture shows. */
  scene: z.object({
    grid: z.object({ rows: z.int().min(2).max(4), columns: z.int().min(2).max(4) }),
    objects: z.array(z.object({ cell: z.string(), colour: z.enum(colours), symbol: z.enum(symbols) })),
  }),
});

/** The extra columns of a row. */
export type ShapesFields = z.output<typeof fieldsSchema>;

/** What a response is judged by. */
export interface Truth {
  readonly kind: string;
  readonly facts: readonly string[];
  readonly answer: string;
  readonly scene: Scene;
}

const known = new WeakMap<Row, ShapesFields>();

/** The extra columns of a row of this task. Throws, naming the row and what is wrong, when it is not one. */
export function readFields(row: Row): ShapesFields {
  const before = known.get(row);
  if (before !== undefined) return before;
  const parsed = fieldsSchema.safeParse(row.fields);
  if (!parsed.success) {
    throw new Error(
      `Row "${row.id}" is not of the shapes task: ${faultsOf(parsed.error, row.fields)}. Rows are written by writeDataset.`,
    );
  }
  known.set(row, parsed.data);
  return parsed.data;
}

export function readTruth(row: Row): Truth {
  const { kind, facts, scene } = readFields(row);
  return { kind, facts, scene, answer: row.answer };
}

/** How a dataset is opened: what its rows hold, and what reading them may cost. */
import { z } from "zod";
import type { BlocksOptions } from "../formats/blocks.ts";
import type { TextOptions } from "../formats/records.ts";

export const limitsSchema = z.strictObject({
  /**
   * Seconds for one row of a text file, or one block of rows of a Parquet or Arrow file: what takes longer cannot be
   * used.
   */
  seconds: z.number().positive().default(60),
  /** Resident memory of the process that reads, MiB: what takes more cannot be used. */
  megabytes: z.int().min(256).default(4096),
});

export type LimitsOptions = z.input<typeof limitsSchema>;

/** What reading a file may cost; the settings of a run file's `data: { limits }`. */
export type ReadingLimits = z.output<typeof limitsSchema>;

export type DataOptions = TextOptions & Pick<BlocksOptions, "split" | "heldBytes">;

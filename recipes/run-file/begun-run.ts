/** What a run's folder says of how it was begun. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readJsonFile } from "@papo/core";
import { z } from "zod";

export interface BegunRun {
  /** "path=value" each. */
  readonly overrides: readonly string[];
  /** From the folder. */
  readonly runFile?: string | undefined;
}

const schema = z.object({ overrides: z.array(z.string()).default([]), runFile: z.string().optional() });

/** Nothing where there is no run.json. @throws Error naming it when it is damaged */
export function begunRun(folder: string): BegunRun {
  const file = join(folder, "run.json");
  if (!existsSync(file)) return { overrides: [] };
  const { overrides, runFile } = readJsonFile(
    file,
    schema,
    "it says how the run was begun; bring it back from a copy, or remove it and give what was set again, --set",
  );
  // An earlier version let keys be set, and struck them out of what it wrote: they are the run file's.
  return { overrides: overrides.filter((written) => !written.includes("(secret)")), runFile };
}

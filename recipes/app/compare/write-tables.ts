/** What a comparison leaves in its folder besides its runs. */
import { join } from "node:path";
import { writeFileAtomic } from "@papo/core";
import type { RunRecord } from "../report/run-record.ts";
import { writeSummary, type ComparisonSummary } from "./summary.ts";
import { drawSweeps, linesOf, sweepsOf, tableOf } from "./table.ts";

/** Writes table.md, results.json, runs.json, and sweeps.svg where something was varied. @returns the table */
export function writeTables(
  output: string,
  runs: readonly RunRecord[],
  baseline: string,
  summary: ComparisonSummary,
): string {
  const lines = linesOf(runs, baseline);
  const [table, sweeps] = [tableOf(lines, baseline), sweepsOf(lines)];
  writeFileAtomic(join(output, "table.md"), table);
  writeSummary(join(output, "runs.json"), summary);
  writeFileAtomic(join(output, "results.json"), `${JSON.stringify(lines, null, 1)}\n`);
  if (sweeps.length > 0) writeFileAtomic(join(output, "sweeps.svg"), drawSweeps(sweeps));
  return table;
}

/** A sweep's runs: which are done, which are gone on with, and what all of them come to. */
import { join } from "node:path";
import { lockFolder, makeFolder, writeFileAtomic } from "@papo/core";
import { isFinished, trainMissing, type FileRun } from "../compare/file-runs.ts";
import type { Display } from "../display/display.ts";
import { readRunFolder } from "../report/read-run.ts";
import { writeReport } from "../report/write-report.ts";
import { configurationsOf, folderName, type Configuration, type Varied } from "./grid.ts";
import { drawSweep, linesOf, rankingOf, sweepTable } from "./results.ts";

export interface Sweep {
  readonly runFile: string;
  readonly varied: readonly Varied[];
  /** "path=value" each, the same for all. */
  readonly fixed: readonly string[];
  readonly seeds: number;
  readonly jobs: number;
  /** What to rank by; see `rankingOf`. */
  readonly metric: string | undefined;
  readonly output: string;
  readonly display: Pick<Display, "line" | "result">;
  readonly signal: AbortSignal;
}

export interface PlannedRun extends FileRun {
  readonly configuration: Configuration;
}

/** Seed by seed, so that a sweep that is stopped has every configuration. */
export function plannedRuns({
  runFile,
  varied,
  fixed,
  seeds,
  output,
}: Pick<Sweep, "runFile" | "varied" | "fixed" | "seeds" | "output">): PlannedRun[] {
  const configurations = configurationsOf(varied);
  return Array.from({ length: seeds }, (_, index) => index + 1).flatMap((seed) =>
    configurations.map((configuration) => {
      const folder = join(output, "runs", folderName(configuration, seed));
      const name = [...(configuration.label === "" ? [] : [configuration.label]), `seed ${seed}`].join(", ");
      return {
        name,
        runFile,
        configuration,
        seed,
        set: [...fixed, ...configuration.set, `settings.seed=${seed}`],
        folder,
        finished: `${folder}.json`,
      };
    }),
  );
}

/**
 * Run what is missing, then write what all of it comes to. @throws Error naming the runs that failed, after all others
 * have ended
 */
export async function runSweep(sweep: Sweep, runs: readonly PlannedRun[]): Promise<void> {
  const { output, display, jobs, signal } = sweep;
  makeFolder(output);
  const lock = lockFolder(output);
  try {
    const failures = await trainMissing(runs, { limit: jobs, say: (line) => display.line(line), signal });
    await writeResults(sweep, runs);
    if (failures.length > 0) throw new Error(failures.join("\n"));
    signal.throwIfAborted();
  } finally {
    lock.release();
  }
}

async function writeResults({ varied, metric, output, display }: Sweep, runs: readonly PlannedRun[]): Promise<void> {
  const done = runs.filter(isFinished);
  if (done.length === 0) return;
  const records = done.map(({ name, configuration, folder }) =>
    readRunFolder(folder, { name, recipe: configuration.label || "run" }),
  );
  const ranking = rankingOf(records, metric);
  const configurations = configurationsOf(varied).map((configuration) => ({
    ...configuration,
    label: configuration.label || "run",
  }));
  const lines = linesOf(configurations, records, ranking);
  const table = sweepTable(lines, varied, ranking);
  writeFileAtomic(join(output, "table.md"), table);
  writeFileAtomic(join(output, "results.json"), `${JSON.stringify({ ranking, lines }, null, 1)}\n`);
  if (varied.length > 0) writeFileAtomic(join(output, "sweep.svg"), drawSweep(lines, varied, ranking));
  const report = join(output, "report.html");
  const left = runs.length - done.length;
  await writeReport(report, {
    title: "Sweep",
    subtitle: `${done.length} of ${runs.length} runs. The best: ${lines[0]?.label ?? "none"}, by ${ranking.title}.`,
    runs: records,
  });
  display.result(`${table}${left > 0 ? `\n${left} of ${runs.length} runs are not done yet.\n` : ""}`, {
    output,
    report,
    best: lines[0]?.label ?? null,
    done: done.length,
    runs: runs.length,
  });
}

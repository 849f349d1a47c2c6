/**
 * The smallest run for thousands of steps, in a process of its own: what grows in it, and what it leaves on the disk.
 */
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { root, type Result } from "./part.ts";
import type { LongReport } from "./long-child.ts";

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

export function long(steps: number): readonly Result[] {
  const folder = join(root, "runs/soak/long");
  rmSync(folder, { recursive: true, force: true });
  const { status, signal } = spawnSync(
    process.execPath,
    ["--expose-gc", "--import", "tsx", join(root, "soak/long-child.ts"), folder, String(steps)],
    { cwd: root, stdio: ["ignore", "inherit", "inherit"] },
  );
  if (status !== 0)
    return [{ tried: `${steps} steps`, found: `the process ended with ${signal ?? status}`, held: false }];
  const { memory, anonymous, handles, threads, files, milliseconds, sizes, report } = JSON.parse(
    readFileSync(join(folder, "long.json"), "utf8"),
  ) as LongReport;
  const growth = memory.end / memory.start - 1;
  const drift = milliseconds.end / milliseconds.start - 1;
  const line = (tried: string, found: string, held: boolean): Result => ({ tried, found, held });
  return [
    line(
      `RSS after step 100 of ${steps}: under 5 % more`,
      `${megabytes(memory.start)} to ${megabytes(memory.end)}, ${percent(growth)}; without pages of files ${megabytes(anonymous.start)} to ${megabytes(anonymous.end)}`,
      growth < 0.05,
    ),
    line("handles as many as at step 100", `${handles.start} and ${handles.end}`, handles.end <= handles.start),
    line("open files as many as at step 100", `${files.start} and ${files.end}`, files.end <= files.start),
    line("threads as many as at step 100", `${threads.start} and ${threads.end}`, threads.end <= threads.start),
    line(
      "CPU time of a step: under 10 % more",
      `${milliseconds.start.toFixed(1)} ms and ${milliseconds.end.toFixed(1)} ms, ${percent(drift)}`,
      drift < 0.1,
    ),
    // A step writes a line to each log and its rewards; pictures and checkpoints do not grow.
    line(
      "files of the run: under 16 KiB a step",
      Object.entries(sizes)
        .map(([name, bytes]) => `${name} ${megabytes(bytes)}`)
        .join(", "),
      Object.values(sizes).reduce((sum, bytes) => sum + bytes, 0) < 30 * 2 ** 20 + steps * 16 * 1024,
    ),
    line("report.html: under 24 MiB", megabytes(report), report < 24 * 2 ** 20),
  ];
}

/** `--overwrite`: a run in place of an earlier one, which is lost only once the new one has begun. */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { lockFile } from "@papo/core";

/** What a run leaves in its folder; other files there are not the run's and stay. */
const ofRun = [
  "run.json",
  "metrics.jsonl",
  "timings.jsonl",
  "samples.jsonl",
  "alarms.jsonl",
  "report.html",
  "rewards",
  "checkpoints",
  "best",
  "pictures",
  "evaluation",
  "supervised",
  "digests.json",
  "digests.jsonl",
  "metrics.csv",
  "responses.csv",
  "tensorboard",
  "trackio",
  "wandb",
];

/** Rows have a folder of that name too: it alone says of no run. */
const notAlone = "pictures";

/** Where the earlier run waits. */
const aside = ".overwritten";

export interface SetAside {
  /** The new run has begun: the earlier one is gone. */
  discard(): void;
  /** The new run did not begin: the earlier one is back. */
  restore(): void;
}

/** Move the run in a folder out of the way; null where there is none. @throws Error where what is there is no run */
export function setAside(output: string): SetAside | null {
  const place = join(output, aside);
  if (!existsSync(output)) return null;
  recoverAside(output);
  const names = readdirSync(output).filter((name) => name !== lockFile);
  const found = names.filter((name) => ofRun.includes(name));
  const isRun = found.some((name) => name !== notAlone);
  if (names.length > 0 && !isRun)
    throw new Error(
      `--overwrite: ${output} holds ${names.slice(0, 5).join(", ")}${names.length > 5 ? ", …" : ""} and no run; choose another output folder`,
    );
  if (!isRun) return null;
  mkdirSync(place);
  for (const name of found) renameSync(join(output, name), join(place, name));
  return {
    discard: () => rmSync(place, { recursive: true, force: true }),
    restore: () => {
      mkdirSync(output, { recursive: true });
      if (existsSync(place)) settle(output, place);
    },
  };
}

/** After a start that was killed: the earlier run is back, or gone where the new one had done a step. */
export function recoverAside(output: string): void {
  const place = join(output, aside);
  if (!existsSync(place)) return;
  const metrics = join(output, "metrics.jsonl");
  if (existsSync(metrics) && statSync(metrics).size > 0) rmSync(place, { recursive: true, force: true });
  else settle(output, place);
}

/** Bring back what was set aside, in place of what a start that ended early left. */
function settle(output: string, place: string): void {
  for (const name of readdirSync(place)) {
    rmSync(join(output, name), { recursive: true, force: true });
    renameSync(join(place, name), join(output, name));
  }
  rmSync(place, { recursive: true, force: true });
}

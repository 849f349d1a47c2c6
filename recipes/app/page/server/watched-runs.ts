/** The runs that a page follows, read again and again, and what changed of them. */
import { randomInt } from "node:crypto";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { isLocked } from "@papo/core";
import { RunReader } from "../../report/read-run.ts";
import { runNames } from "../../report/run-names.ts";
import type { RunRecord } from "../../report/run-record.ts";
import type { Revisions, RolloutIndex, ShownRollout } from "../contract.ts";
import { restingRun, type RunNow } from "../overview.ts";
import { IndexLists, shownRollout, type PictureAddress } from "../shown-rollout.ts";
import { readPageFile } from "./page-file.ts";

/**
 * Milliseconds that a reading takes before others get their turn: a page that is asked for meanwhile waits for a few of
 * them.
 */
const slice = 15;

const signs = ["run.json", "metrics.jsonl", "questions.jsonl"];
const holdsRun = (folder: string): boolean => signs.some((file) => existsSync(join(folder, file)));

/** A run's folder itself, or those of the runs in it: a folder of runs may get more of them. */
export function runFolders(path: string): string[] {
  const folder = resolve(path);
  if (holdsRun(folder) || !existsSync(folder)) return [folder];
  const inside = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(folder, name))
    .filter(holdsRun);
  return inside.length > 0 ? inside.sort() : [folder];
}

interface Watched {
  readonly reader: RunReader;
  record: RunRecord;
  /** When a step last came, ms since 1970. */
  changed: number | null;
}

export class WatchedRuns {
  readonly #paths: readonly string[];
  #runs: Watched[] = [];
  #entries: { readonly run: number; readonly place: number }[] = [];
  #lists = new IndexLists();
  #listed: number[] = [];
  #versions = "";
  /** Another server's are others: a page that finds this one in its place begins anew. */
  #version = randomInt(1, 2 ** 40);
  #reading = true;
  #now = "";
  #revisions = { overview: 0, curves: 0, rollouts: 0, questions: 0 };

  /** @throws Error when one of the folders does not exist */
  constructor(paths: readonly string[]) {
    this.#paths = paths;
    this.#open();
  }

  get records(): readonly RunRecord[] {
    return this.#runs.map(({ record }) => record);
  }

  get revisions(): Revisions {
    return { ...this.#revisions };
  }

  folder(run: number): string | undefined {
    return this.#runs[run]?.reader.folder;
  }

  /** State, newest step, and whether the run can be reached. */
  now(): RunNow[] {
    return this.#runs.map(({ record, reader, changed }) => {
      const resting = restingRun(record);
      const training = readPageFile(reader.folder);
      const state =
        resting.state !== "silent"
          ? resting.state
          : (training?.state ?? (isLocked(reader.folder) ? "running" : "silent"));
      return { state, changed, controls: training !== null && resting.state === "silent" };
    });
  }

  /** Take in what is new. @returns whether there is more to read at once */
  read(): boolean {
    this.#open();
    const until = performance.now() + slice;
    const enough = (): boolean => performance.now() > until;
    for (const watched of this.#runs) {
      const found = watched.reader.read({ enough });
      if (found.size > 0) this.#take(watched, found);
    }
    const now = JSON.stringify(this.now());
    if (now !== this.#now) this.#revisions.overview += 1;
    this.#now = now;
    const more = enough();
    if (!more && this.#reading) {
      this.#reading = false;
      this.#revisions.rollouts += 1;
    }
    return more;
  }

  /** Say that what is told of the runs has changed. */
  touch(): void {
    this.#revisions.overview += 1;
  }

  index(version: number, from: number): RolloutIndex {
    const entries = this.#rollouts();
    const start = version === this.#version ? Math.min(Math.max(0, from), entries.length) : 0;
    const heads = entries
      .slice(start)
      .map(({ run, place }) => ({ run, head: this.#runs[run]!.reader.rollouts.heads[place]! }));
    return this.#lists.of(heads, {
      version: this.#version,
      from: start,
      total: entries.length,
      reading: this.#reading,
    });
  }

  /** Those that can still be read. */
  rollouts(ids: readonly number[], address: PictureAddress): ShownRollout[] {
    const entries = this.#rollouts();
    return ids.flatMap((id) => {
      const entry = entries[id];
      const row = entry === undefined ? null : this.#runs[entry.run]!.reader.rollouts.read(entry.place);
      return entry === undefined || row === null ? [] : [shownRollout(id, entry.run, row, address)];
    });
  }

  /** Ids in the order of arrival; all anew when a rollout took another's place. */
  #rollouts(): readonly { readonly run: number; readonly place: number }[] {
    const versions = this.#runs.map(({ reader }) => reader.rolloutVersion).join();
    if (versions !== this.#versions) {
      this.#versions = versions;
      this.#version += 1;
      this.#entries = [];
      this.#lists = new IndexLists();
      this.#listed = [];
    }
    this.#runs.forEach(
      (
        {
          reader: {
            rollouts: { heads },
          },
        },
        run,
      ) => {
        for (let place = this.#listed[run] ?? 0; place < heads.length; place++) this.#entries.push({ run, place });
        this.#listed[run] = heads.length;
      },
    );
    return this.#entries;
  }

  #take(watched: Watched, found: ReadonlySet<string>): void {
    if (found.size > 1 || !found.has("rollouts")) watched.record = watched.reader.record();
    if (found.has("steps"))
      watched.changed =
        statSync(join(watched.reader.folder, "metrics.jsonl"), { throwIfNoEntry: false })?.mtimeMs ?? null;
    const revisions = this.#revisions;
    if (found.has("steps")) revisions.curves += 1;
    if (found.has("rollouts")) revisions.rollouts += 1;
    if (found.has("evaluations")) revisions.questions += 1;
    if (found.size > 1 || !found.has("rollouts")) revisions.overview += 1;
  }

  /** Runs that have come into a folder of runs are followed too. */
  #open(): void {
    const folders = [...new Set(this.#paths.flatMap(runFolders))];
    if (folders.length === this.#runs.length) return;
    const known = new Map(this.#runs.map((watched) => [watched.reader.folder, watched]));
    const names = runNames(folders);
    this.#runs = folders.map((folder, at): Watched => {
      const watched = known.get(folder);
      if (watched !== undefined) return watched;
      const reader = new RunReader(folder, names[at]);
      return { reader, record: reader.record(), changed: null };
    });
    // Places of runs have changed.
    this.#versions = "anew";
    for (const part of Object.keys(this.#revisions) as (keyof Revisions)[]) this.#revisions[part] += 1;
  }
}

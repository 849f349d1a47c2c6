import { randomUUID } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { parseOptions } from "@papo/core";
import type { Plugin, Run } from "@papo/core";
import type sqlite from "node-sqlite3-wasm";
import { z } from "zod";
import {
  follow,
  loggerOptions,
  pythonNumber,
  rolloutCells,
  rolloutColumns,
  type LoggedRollout,
  type LogSink,
} from "./log-sink.ts";

const schema = z.strictObject({
  ...loggerOptions,
  /** The project that the run is shown in; letters, digits, - and _. */
  project: z
    .string()
    .regex(/^[\w-]+$/, "letters, digits, - and _")
    .default("papo"),
});

/**
 * Writes trackio/<project>.db and trackio/media, the local storage of Trackio 0.36.0, which `TRACKIO_DIR=<run>/trackio
 * trackio show` reads: every metric, rollouts as a table, and their pictures under each view. The run's name is its
 * folder's. A resumed run goes on in the same database.
 */
export class TrackioPlugin implements Plugin {
  readonly name = "TrackioPlugin";
  readonly observes = true;
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply(run: Run): void {
    const { project, ...options } = this.options;
    follow(run, {
      name: this.name,
      options,
      home: "trackio",
      open: (folder, name) => trackioSink(folder, { project, run: name }),
    });
  }
}

/** Tables that Trackio makes; others it adds when it opens the file. */
const tables = [
  "CREATE TABLE IF NOT EXISTS metrics (id INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL, timestamp TEXT NOT NULL, run_name TEXT NOT NULL, step INTEGER NOT NULL, metrics TEXT NOT NULL, log_id TEXT, space_id TEXT)",
  "CREATE TABLE IF NOT EXISTS configs (id INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL, run_name TEXT NOT NULL, config TEXT NOT NULL, created_at TEXT NOT NULL, UNIQUE(run_id))",
  "CREATE INDEX IF NOT EXISTS idx_metrics_run_step ON metrics(run_id, step)",
];

/** @param now milliseconds since 1970 @param uuid of the run and of each of its lines */
export function trackioSink(
  folder: string,
  { project, run }: { readonly project: string; readonly run: string },
  now: () => number = Date.now,
  uuid: () => string = randomUUID,
): LogSink {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${project}.db`);
  // Loaded when a run logs to it: 18 MB that all other runs do without.
  const { Database } = createRequire(import.meta.url)("node-sqlite3-wasm") as typeof sqlite;
  // Opened for each write: a reader, and the next process after a kill, find it closed.
  const using = <T>(work: (database: sqlite.Database) => T): T => {
    const database = new Database(file);
    try {
      return work(database);
    } finally {
      database.close();
    }
  };
  const id = using((database) => {
    for (const statement of tables) database.exec(statement);
    const known = database.get("SELECT run_id FROM configs WHERE run_name = ?", [run]) as { run_id: string } | null;
    if (known) return known.run_id;
    const fresh = uuid().replaceAll("-", "");
    const at = new Date(now()).toISOString();
    database.run("INSERT INTO configs (run_id, run_name, config, created_at) VALUES (?, ?, ?, ?)", [
      fresh,
      run,
      JSON.stringify({ _Username: null, _Created: at }),
      at,
    ]);
    return fresh;
  });
  const log = (step: number, values: unknown): void =>
    using((database) => {
      const row = [
        id,
        new Date(now()).toISOString(),
        run,
        step,
        JSON.stringify(values, (_name, value: unknown) =>
          typeof value === "number" && !Number.isFinite(value) ? pythonNumber(value) : value,
        ),
        uuid(),
      ];
      database.run(
        "INSERT INTO metrics (run_id, timestamp, run_name, step, metrics, log_id) VALUES (?, ?, ?, ?, ?, ?)",
        row,
      );
    });
  return {
    cut: (step) =>
      using((database) => void database.run("DELETE FROM metrics WHERE run_id = ? AND step >= ?", [id, step])),
    metrics: ({ step, metrics }) => log(step, metrics),
    rollouts: (step, rollouts) =>
      log(step, {
        rollouts: {
          _type: "trackio.table",
          _value: rollouts.map((rollout, index) => tableRow(rollout, `${step}-${index}`)),
        },
      }),
  };

  function tableRow(rollout: LoggedRollout, place: string): Record<string, unknown> {
    const shown = rollout.pictures.map(({ view, png }, index) => {
      const path = join(project, run, `${place}-${index}-${view}.png`);
      mkdirSync(dirname(join(folder, "media", path)), { recursive: true });
      writeFileSync(join(folder, "media", path), png);
      return { _type: "trackio.image", file_path: path, caption: view };
    });
    const cells = rolloutCells(rollout);
    return {
      ...Object.fromEntries(rolloutColumns.map((name, at) => [name, cells[at]])),
      ...Object.fromEntries(shown.map((picture, index) => [`picture ${index + 1}`, picture])),
    };
  }
}

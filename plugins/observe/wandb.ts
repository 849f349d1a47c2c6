import { createHash } from "node:crypto";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { BinaryReader } from "@bufbuild/protobuf/wire";
import { parseOptions, writeFileAtomic } from "@papo/core";
import type { Plugin, Run } from "@papo/core";
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
import { exitRecord, fileHeader, headerRecord, historyRecord, logRecord, readLog, runRecord } from "./wandb-file.ts";

const schema = z.strictObject({
  ...loggerOptions,
  /** The project that the run is uploaded to. */
  project: z.string().min(1).default("papo"),
});

/**
 * Writes wandb/offline-run-…, an offline run of Weights & Biases, which `wandb sync <run>/wandb/offline-run-*` uploads:
 * every metric, rollouts as a table, and their pictures under each view. The run's name is its folder's; it is shown as
 * finished or failed by how the run ended. A resumed run goes on in the same file. Nothing is sent from here.
 */
export class WandbPlugin implements Plugin {
  readonly name = "WandbPlugin";
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
      home: "wandb",
      open: (folder, name) => wandbSink(folder, { project, run: name }),
    });
  }
}

/** @param now milliseconds since 1970 */
export function wandbSink(
  folder: string,
  { project, run }: { readonly project: string; readonly run: string },
  now: () => number = Date.now,
): LogSink {
  const { home, file } = openRun(folder, { project, run }, now);
  let number = readLog(readFileSync(file)).length;
  const append = (make: (number: number) => Uint8Array): void =>
    appendFileSync(file, logRecord(statSync(file).size, make(number++)));
  let pending: Record<string, string> = {};
  return {
    cut(step) {
      const records = readLog(readFileSync(file));
      const first = records.findIndex(({ data }) => stepOf(data) >= step);
      const kept = first < 0 ? records : records.slice(0, first);
      truncateSync(file, kept.at(-1)?.end ?? fileHeader.length);
      number = kept.length;
    },
    metrics({ step, metrics }) {
      const values = Object.fromEntries(Object.entries(metrics).map(([name, value]) => [name, pythonNumber(value)]));
      append((at) =>
        historyRecord(at, step, { ...values, ...pending, _step: String(step), _timestamp: pythonNumber(now() / 1000) }),
      );
      pending = {};
    },
    // A step has one record: its table waits for its metrics.
    rollouts: (step, rollouts) => void (pending = { rollouts: JSON.stringify(writeTable(home, step, rollouts)) }),
    end({ ended }) {
      append((at) => exitRecord(at, exitCodes[ended]));
    },
  };
}

/** As its own process hook gives them: 0, an interrupt's 255, an error's 1. */
const exitCodes = { finished: 0, stopped: 0, interrupted: 255, failed: 1 } as const;

/** The folder of the run's files, made at the first start. */
function openRun(
  folder: string,
  { project, run }: { readonly project: string; readonly run: string },
  now: () => number,
): { readonly home: string; readonly file: string } {
  const found = existsSync(folder) ? readdirSync(folder).find((name) => name.startsWith("offline-run-")) : undefined;
  const id = found?.split("-").at(-1) ?? createHash("sha256").update(`${run} ${now()}`).digest("hex").slice(0, 8);
  const stamp = new Date(now()).toISOString().replaceAll(/[-:]/g, "").replace("T", "_").slice(0, 15);
  const home = join(folder, found ?? `offline-run-${stamp}-${id}`);
  const file = join(home, `run-${id}.wandb`);
  mkdirSync(join(home, "files"), { recursive: true });
  if (!existsSync(file)) {
    const records = [headerRecord(), runRecord(1, { id, project, name: run, seconds: now() / 1000 })];
    // A file without its first records is no run to W&B.
    writeFileAtomic(
      file,
      records.reduce((whole, data) => Buffer.concat([whole, logRecord(whole.length, data)]), Buffer.from(fileHeader)),
    );
  }
  return { home, file };
}

const [historyField, exitField] = [2, 18] as const;

/** The step of a history record; −1 of any other, but for that of an end, which comes after all steps. */
function stepOf(data: Uint8Array): number {
  const reader = new BinaryReader(data);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === exitField) return Infinity;
    if (field !== historyField) {
      reader.skip(type);
      continue;
    }
    const history = new BinaryReader(reader.bytes());
    while (history.pos < history.len) {
      const [inner, kind] = history.tag();
      if (inner === 2) {
        const step = new BinaryReader(history.bytes());
        step.tag();
        return Number(step.int64());
      }
      history.skip(kind);
    }
    return 0;
  }
  return -1;
}

/** Writes media/table/… and the pictures that it shows; what the history says of it. */
function writeTable(home: string, step: number, rollouts: readonly LoggedRollout[]): Record<string, unknown> {
  const views = [...new Set(rollouts.flatMap(({ pictures }) => pictures.map(({ view }) => view)))];
  const data = rollouts.map((rollout) => [
    ...rolloutCells(rollout),
    ...views.map((view) =>
      pictureCell(
        home,
        rollout.pictures.find((picture) => picture.view === view),
      ),
    ),
  ]);
  const text = JSON.stringify({ columns: [...rolloutColumns, ...views], data });
  const { path, sha256, size } = media(home, "table", `rollouts_${step}`, "table.json", Buffer.from(text));
  return { _type: "table-file", path, sha256, size, ncols: rolloutColumns.length + views.length, nrows: data.length };
}

function pictureCell(home: string, picture: LoggedRollout["pictures"][number] | undefined): unknown {
  if (picture === undefined) return null;
  const { png, width, height } = picture;
  return { _type: "image-file", ...media(home, "images", "picture", "png", png), format: "png", width, height };
}

function media(
  home: string,
  kind: string,
  name: string,
  ending: string,
  content: Uint8Array,
): { readonly path: string; readonly sha256: string; readonly size: number } {
  const sha256 = createHash("sha256").update(content).digest("hex");
  const path = `media/${kind}/${name}_${sha256.slice(0, 20)}.${ending}`;
  mkdirSync(dirname(join(home, "files", path)), { recursive: true });
  writeFileSync(join(home, "files", path), content);
  return { path, sha256, size: content.length };
}

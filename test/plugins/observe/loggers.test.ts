import { createHash } from "node:crypto";
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sqlite from "node-sqlite3-wasm";
import { parse } from "csv-parse/sync";
import { CsvPlugin, TensorBoardPlugin, TrackioPlugin, WandbPlugin } from "@papo/plugins";
import { afterEach, beforeEach, expect, test } from "vitest";
import { csvSink } from "../../../plugins/observe/csv.ts";
import { readRecords } from "../../../plugins/observe/event-file.ts";
import type { LogSink } from "../../../plugins/observe/log-sink.ts";
import { tensorBoardSink } from "../../../plugins/observe/tensorboard.ts";
import { trackioSink } from "../../../plugins/observe/trackio.ts";
import { readLog } from "../../../plugins/observe/wandb-file.ts";
import { wandbSink } from "../../../plugins/observe/wandb.ts";
import { loggedRun, metricsOf, rollout } from "./logged-run.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "loggers-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const wandbFile = (home: string): string => {
  const run = readdirSync(join(home, "wandb")).find((name) => name.startsWith("offline-run-"))!;
  return join(
    home,
    "wandb",
    run,
    readdirSync(join(home, "wandb", run)).find((name) => name.endsWith(".wandb"))!,
  );
};
const logged = (home: string): { step: number; metrics: string }[] => {
  const database = new sqlite.Database(join(home, "trackio/papo.db"));
  const rows = database.all("SELECT step, metrics FROM metrics ORDER BY id") as { step: number; metrics: string }[];
  database.close();
  return rows.filter(({ metrics }) => !metrics.includes("trackio.table"));
};

test("all four follow a run, go on when it is resumed, and hold every number once", async () => {
  const loggers = () => [new CsvPlugin(), new TensorBoardPlugin({ every: 2 }), new TrackioPlugin(), new WandbPlugin()];
  await loggedRun(folder, loggers(), 4);
  // A kill between checkpoints: what was logged after the newest checkpoint comes again, and a record is cut short.
  const at = join(folder, "checkpoints");
  rmSync(join(at, "step-4"), { recursive: true });
  appendFileSync(join(folder, "tensorboard/events.out.tfevents.papo"), "torn");
  appendFileSync(join(folder, "metrics.csv"), "5,0.1");
  appendFileSync(wandbFile(folder), "torn");
  await loggedRun(folder, loggers(), 6, true);
  const metrics = metricsOf(folder);
  expect(metrics).toHaveLength(6);

  const [header, ...rows] = parse(readFileSync(join(folder, "metrics.csv"))) as string[][];
  expect(
    rows.map((row) =>
      Object.fromEntries(row.flatMap((value, index) => (value === "" ? [] : [[header![index]!, Number(value)]]))),
    ),
  ).toEqual(metrics.map(({ step, metrics: values }) => ({ step, ...values })));
  expect((parse(readFileSync(join(folder, "responses.csv"))) as string[][]).map(([step]) => step)).toContain("1");

  const steps = readRecords(readFileSync(join(folder, "tensorboard/events.out.tfevents.papo"))).map(({ step }) => step);
  expect(steps).toEqual([0, 1, 1, 2, 2, 3, 4, 4, 5, 6, 6]);
  expect(logged(folder).map(({ step, metrics: values }) => ({ step, metrics: JSON.parse(values) as object }))).toEqual(
    metrics,
  );

  // The first run's end is cut by the second, whose own comes last: field 18, an exit code of 0.
  const [exit, ...histories] = readLog(readFileSync(wandbFile(folder)))
    .slice(2)
    .map(({ data }) => data.toString("latin1"))
    .reverse();
  expect(exit).toBe("\x08\x08\x92\x01\x02\x08\x00");
  histories.reverse();
  expect(histories).toHaveLength(6);
  for (const [index, text] of histories.entries())
    for (const [name, value] of Object.entries(metrics[index]!.metrics))
      expect(text).toContain(`${name}\x82\x01${String.fromCharCode(String(value).length)}${value}`);
}, 30_000);

test("a logger may come and go when a run is resumed, and its trouble does not end the run", async () => {
  await loggedRun(folder, [new CsvPlugin()], 2);
  writeFileSync(join(folder, "tensorboard"), "in the way");
  await loggedRun(folder, [new TensorBoardPlugin()], 4, true);
  expect(metricsOf(folder)).toHaveLength(4);
});

test("a folder of one's own", async () => {
  await loggedRun(join(folder, "run"), [new CsvPlugin({ folder: join(folder, "logs") })], 2);
  expect(existsSync(join(folder, "logs/metrics.csv"))).toBe(true);
});

/** What a sink writes of a table, pictures and numbers that are hard to write, at one moment. */
function write(sink: LogSink): void {
  sink.cut(1);
  sink.rollouts(1, [rollout]);
  sink.metrics({ step: 1, steps: 3, metrics: { "reward/mean": 0.1, "loss/total": -1.5e-7 } });
  sink.metrics({ step: 2, steps: 3, metrics: { "reward/mean": 1, "loss/total": NaN, "late/comer": Infinity } });
  sink.rollouts(3, []);
  sink.metrics({
    step: 3,
    steps: 3,
    metrics: {
      long: 1,
      ...Object.fromEntries(Array.from({ length: 900 }, (_, index) => [`many/${index}`, index / 7])),
    },
  });
}

test("the bytes are those that the peers' own packages have read (test/plugins/observe/read-logs.py)", () => {
  const moment = () => Date.UTC(2026, 0, 2, 3, 4, 5);
  write(csvSink(join(folder, "csv")));
  write(tensorBoardSink(join(folder, "tensorboard"), moment));
  write(wandbSink(join(folder, "wandb"), { project: "papo", run: "run" }, moment));
  let drawn = 0;
  write(
    trackioSink(
      join(folder, "trackio"),
      { project: "papo", run: "run" },
      moment,
      () => `00000000-0000-4000-8000-${String(++drawn).padStart(12, "0")}`,
    ),
  );
  const digest = (file: string): string =>
    createHash("sha256")
      .update(readFileSync(join(folder, file)))
      .digest("hex")
      .slice(0, 16);
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
  expect(Object.fromEntries(files.map((file) => [file, digest(file)]))).toMatchInlineSnapshot(`
    {
      "csv/metrics.csv": "b9faa7705cba137d",
      "csv/responses.csv": "fec44d0466447a3c",
      "tensorboard/events.out.tfevents.papo": "045dd2bb6facb869",
      "trackio/media/papo/run/1-0-0-original.png": "eaa4a94ea300e0d2",
      "trackio/media/papo/run/1-0-1-masked.png": "eaa4a94ea300e0d2",
      "trackio/papo.db": "379a58ecc0953153",
      "wandb/offline-run-20260102_030405-9187132c/files/media/images/picture_eaa4a94ea300e0d2c775.png": "eaa4a94ea300e0d2",
      "wandb/offline-run-20260102_030405-9187132c/files/media/table/rollouts_1_a0a4ab8e992d8fceec1d.table.json": "a0a4ab8e992d8fce",
      "wandb/offline-run-20260102_030405-9187132c/files/media/table/rollouts_3_d20ecc658a715aeef5a2.table.json": "d20ecc658a715aee",
      "wandb/offline-run-20260102_030405-9187132c/run-9187132c.wandb": "b96d1632053870ba",
    }
  `);
  const committed = new URL("read/", import.meta.url).pathname;
  if (process.env["WRITE_LOGS"]) cpSync(folder, committed, { recursive: true });
  for (const file of files)
    expect(readFileSync(join(folder, file)).equals(readFileSync(join(committed, file))), file).toBe(true);
});

test("Trackio's table holds rows with pictures that are there", () => {
  write(trackioSink(join(folder, "trackio"), { project: "papo", run: "run" }, () => 0));
  const database = new sqlite.Database(join(folder, "trackio/papo.db"));
  const [first] = database.all("SELECT metrics FROM metrics ORDER BY id") as { metrics: string }[];
  database.close();
  const { rollouts } = JSON.parse(first!.metrics) as {
    rollouts: { _value: { question: string; "picture 2": { file_path: string; caption: string } }[] };
  };
  expect(rollouts._value[0]).toMatchObject({
    question: rollout.question,
    "picture 2": { _type: "trackio.image", caption: "masked" },
  });
  expect(existsSync(join(folder, "trackio/media", rollouts._value[0]!["picture 2"].file_path))).toBe(true);
  expect(logged(folder).map(({ metrics }) => metrics)[1]).toContain('"loss/total":"NaN","late/comer":"Infinity"');
});

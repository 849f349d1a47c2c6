/**
 * The process that reads users' files: a damaged one can end it, and nothing else. A thread would not do: V8 ends the
 * whole process where one array of a thread does not fit into its heap. Started by reader-child.mjs with the limits as
 * JSON; ends with its parent.
 */
import { writeSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { UnusableRowError } from "../../contracts/step/unusable-row.ts";
import type { Dataset } from "../dataset.ts";
import type { BlockDataset } from "../formats/blocks.ts";
import { digitsOf } from "../rows/row.ts";
import { openFile } from "../open-file.ts";
import type {
  Answer,
  CloseMessage,
  OpenAnswer,
  OpenQuestion,
  Question,
  RowAnswer,
  RowsAnswer,
  RowsQuestion,
} from "./messages.ts";
import { placeBytes, watchPlaces } from "./place.ts";
import { rowBytes } from "./row-bytes.ts";
import type { ReadingLimits } from "./reading-options.ts";

const limits = JSON.parse(process.argv[2]!) as ReadingLimits;
const shared = { state: new SharedArrayBuffer(16), name: new SharedArrayBuffer(placeBytes) };
const state = new Int32Array(shared.state);
const name = new Uint8Array(shared.name);
const [count, index, length, busy] = [0, 1, 2, 3];
const datasets = new Map<number, Dataset>();

let tell = false;
watchPlaces((place) => {
  const bytes = Buffer.from(place, "utf8").subarray(0, placeBytes);
  name.set(bytes);
  Atomics.store(state, length, bytes.length);
  Atomics.add(state, count, 1);
  if (tell) writeSync(2, `\n${JSON.stringify({ place, index: Atomics.load(state, index) })}\n`);
});
new Worker(new URL("./reader-watch.mjs", import.meta.url), {
  workerData: { ...shared, parent: process.ppid, ...limits },
  execArgv: [],
}).unref();

async function open({ dataset: key, path, kind, options, passOver }: OpenQuestion): Promise<OpenAnswer> {
  const dataset = await openFile(path, kind, options, passOver);
  datasets.set(key, dataset);
  const { size, skipped, notes = [] } = dataset;
  return {
    name: dataset.name,
    size,
    skipped,
    notes,
    pictures: (await dataset.pictures?.()) ?? null,
    blocks: (dataset as Partial<BlockDataset>).blocks ?? null,
  };
}

async function rows({ dataset: key, indices, bytes }: RowsQuestion): Promise<RowsAnswer> {
  const dataset = datasets.get(key)!;
  const rows: RowAnswer[] = [];
  let held = 0;
  for (const wanted of indices) {
    Atomics.store(state, index, wanted);
    Atomics.add(state, count, 1);
    const answer = await rowAnswer(dataset, wanted);
    rows.push(answer);
    held += "row" in answer ? rowBytes(answer.row) : 0;
    if (held >= bytes) break;
  }
  return { rows, notes: dataset.notes ?? [] };
}

async function rowAnswer(dataset: Dataset, wanted: number): Promise<RowAnswer> {
  try {
    const row = await dataset.row(wanted);
    return { row, digits: digitsOf(row.fields) };
  } catch (error) {
    const { message } = error as Error;
    return error instanceof UnusableRowError ? { unusable: message } : { failed: message };
  }
}

async function answerTo(question: Question): Promise<Answer> {
  try {
    return { answer: question.ask === "open" ? await open(question) : await rows(question) };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

process.on("message", (question: Question | CloseMessage) => {
  if (question.ask === "close") {
    datasets.delete(question.dataset);
    return;
  }
  tell = question.ask === "open" && question.tell;
  Atomics.store(state, index, -1);
  Atomics.add(state, count, 1);
  Atomics.store(state, busy, 1);
  Atomics.notify(state, busy);
  void answerTo(question).then((answer) => {
    Atomics.store(state, busy, 0);
    process.send!(answer);
  });
});
process.on("disconnect", () => process.exit(0));
process.send!("ready");

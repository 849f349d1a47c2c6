// A thread beside the reader, which ends their process where nothing else could: a library in an endless loop hears
// nothing, and a limit of the heap ends in an abort without a reason. Its last words, one line of JSON, tell why and
// what was being read.
import { writeSync } from "node:fs";
import { workerData } from "node:worker_threads";

const { state: shared, name, parent, seconds, megabytes } = workerData;
const state = new Int32Array(shared);
const [count, index, length, busy] = [0, 1, 2, 3];
const tick = 25;

function end(reason) {
  const place = Buffer.from(new Uint8Array(name, 0, Atomics.load(state, length))).toString("utf8");
  writeSync(2, `\n${JSON.stringify({ reason, place, index: Atomics.load(state, index) })}\n`);
  process.kill(process.pid, "SIGKILL");
}

let [seen, since] = [-1, 0];
for (;;) {
  // Asleep while nothing is asked.
  Atomics.wait(state, busy, 0, 1000);
  // Nobody is left to answer.
  if (process.ppid !== parent) process.kill(process.pid, "SIGKILL");
  if (Atomics.load(state, busy) === 0) {
    seen = -1;
    continue;
  }
  Atomics.wait(state, busy, 1, tick);
  const now = performance.now();
  if (Atomics.load(state, count) !== seen) [seen, since] = [Atomics.load(state, count), now];
  else if (now - since > seconds * 1000) end("late");
  if (process.memoryUsage.rss() > megabytes * 2 ** 20) end("memory");
}

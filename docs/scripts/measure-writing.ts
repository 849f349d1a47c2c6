/**
 * What writing a model folder in bfloat16 takes beside the weights: `node --expose-gc --import tsx
 * docs/scripts/measure-writing.ts [m110|m530|b1] [memory|files] [megabytes of a shard]`, from weights in memory as
 * float32, or from such as stay in their files. Another thread looks at what of the process is no page of a file.
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { modelFolder } from "../../bench/models.ts";
import { memoryOf } from "../../bench/side.ts";
import { loadModelFolder, saveModelFolder } from "../../core/model/files/folder.ts";
import { createModel } from "../../core/model/registry.ts";

const [name = "m530", place = "memory", megabytes = "5000"] = process.argv.slice(2);
const root = mkdtempSync(join(tmpdir(), "papo-writing-"));

/** Watches RssAnon of this process, kB, every two milliseconds, and keeps the largest. */
const watching = `
  const { workerData: largest } = require("node:worker_threads");
  const { readFileSync } = require("node:fs");
  setInterval(() => {
    const now = Number(/^RssAnon:\\s+(\\d+)/m.exec(readFileSync("/proc/self/status", "utf8"))[1]);
    if (now > largest[0]) largest[0] = now;
  }, 2);
`;
const largest = new Int32Array(new SharedArrayBuffer(4));
const watcher = new Worker(watching, { eval: true, workerData: largest });
await new Promise((resolve) => watcher.once("online", resolve));

try {
  const source = await modelFolder(root, name);
  const { weights } = await loadModelFolder(
    source,
    (config) => createModel(config).parameters,
    () => place === "files",
  );
  globalThis.gc?.();
  // Arrays that were collected are freed by another thread.
  await setTimeout(1000);
  const before = memoryOf(process.pid).anonymous;
  largest[0] = 0;
  const output = join(root, "written");
  const begun = performance.now();
  await saveModelFolder(output, { source, weights, type: "BF16", maxShardBytes: Number(megabytes) * 1e6 });
  const seconds = (performance.now() - begun) / 1000;
  const shards = readdirSync(output).filter((file) => file.endsWith(".safetensors"));
  const shard = Math.max(...shards.map((file) => statSync(join(output, file)).size));
  const grown = largest[0] / 1024 - before;
  console.log(
    `${name}, weights in ${place}: ${shards.length} shards, the largest ${(shard / 2 ** 20).toFixed(0)} MiB, ` +
      `memory + ${grown.toFixed(0)} MiB beside ${before.toFixed(0)}, ${seconds.toFixed(1)} s`,
  );
} finally {
  await watcher.terminate();
  rmSync(root, { recursive: true, force: true });
}

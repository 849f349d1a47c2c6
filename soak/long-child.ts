/**
 * `long-child.ts <folder> <steps>`: trains the embedded task's model with few tokens, and writes down what it took at
 * step 100 and at the end.
 */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { learnerSettings, openJsonl, openPolicy, parseSettings, train, type Plugin, type Run } from "@papo/core";
import { RunLogPlugin } from "@papo/plugins";
import { grpo, papo } from "@papo/recipes";
import { readRunFolder } from "../recipes/app/report/read-run.ts";
import { writeReport } from "../recipes/app/report/write-report.ts";
import { ShapesRewardPlugin } from "../recipes/app/tasks/shapes/reward-plugin.ts";
import { startModelFolder } from "../recipes/app/tasks/shapes/start-model-folder.ts";
import { root } from "./part.ts";

interface Pair {
  readonly start: number;
  readonly end: number;
}

export interface LongReport {
  /** Bytes of RSS. */
  readonly memory: Pair;
  /** Of it, bytes that no file stands behind: pages of files are the system's to take and give. */
  readonly anonymous: Pair;
  readonly handles: Pair;
  readonly threads: Pair;
  readonly files: Pair;
  /** CPU time of a step. */
  readonly milliseconds: Pair;
  /** Bytes by what stands in the run's folder. */
  readonly sizes: Readonly<Record<string, number>>;
  /** Bytes of the page. */
  readonly report: number;
}

const [folder, wanted] = process.argv.slice(2) as [string, string];
const steps = Number(wanted);
const begin = 100;
/** Steps that a measurement looks at: garbage comes and goes. */
const window = Math.max(20, Math.min(200, Math.floor((steps - begin) / 3)));

interface Seen {
  readonly rss: number;
  readonly anonymous: number;
  readonly handles: number;
  readonly threads: number;
  readonly files: number;
  readonly cpu: number;
}

/** Looks at the process after each step. */
class WatchPlugin implements Plugin {
  readonly name = "WatchPlugin";
  readonly observes = true;
  readonly seen: Seen[] = [];

  apply({ events }: Run): void {
    events.on("step", () => {
      const { user, system } = process.cpuUsage();
      this.seen.push({
        rss: process.memoryUsage.rss(),
        anonymous: anonymous(),
        handles: process.getActiveResourcesInfo().length,
        threads: inProc("task"),
        files: inProc("fd"),
        cpu: (user + system) / 1000,
      });
    });
  }
}

/** 0 where there is no /proc. */
function anonymous(): number {
  try {
    return 1024 * Number(/^RssAnon:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))![1]);
  } catch {
    return 0;
  }
}

/** 0 where there is no /proc. */
function inProc(kind: "task" | "fd"): number {
  try {
    return readdirSync(`/proc/self/${kind}`).length;
  } catch {
    return 0;
  }
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;
const pair = (seen: readonly Seen[], of: (one: Seen, before: Seen) => number): Pair => {
  const at = (start: number): number =>
    median(Array.from({ length: window }, (_, index) => of(seen[start + index]!, seen[start + index - 1]!)));
  return { start: at(Math.min(begin, seen.length - 2 * window)), end: at(seen.length - window) };
};

mkdirSync(folder, { recursive: true });
const output = join(folder, "run");
const settings = parseSettings({
  steps,
  promptsPerStep: 2,
  samplesPerPrompt: 4,
  learningRate: 1e-5,
  checkpointEvery: 50,
  sampling: { maxNewTokens: 16 },
});
const watch = new WatchPlugin();
const policy = await openPolicy({ folder: startModelFolder, threads: 1, ...learnerSettings(settings) });
const log = new RunLogPlugin({ folder: output, decode: (tokens) => policy.processor.decode(tokens) });
const dataset = await openJsonl(join(root, "soak/smallest/rows.jsonl"));
await train({ policy, plugins: [new ShapesRewardPlugin(), ...papo(grpo()), log, watch], dataset, settings, output });
await policy.close();
const page = join(output, "report.html");
await writeReport(page, { title: "long", runs: [readRunFolder(output)] });

const sizes: Record<string, number> = {};
for (const name of readdirSync(output, { recursive: true, encoding: "utf8" })) {
  const file = statSync(join(output, name));
  const top = name.split("/")[0]!;
  if (file.isFile()) sizes[top] = (sizes[top] ?? 0) + file.size;
}
const report: LongReport = {
  memory: pair(watch.seen, ({ rss }) => rss),
  anonymous: pair(watch.seen, (seen) => seen.anonymous),
  handles: pair(watch.seen, ({ handles }) => handles),
  threads: pair(watch.seen, ({ threads }) => threads),
  files: pair(watch.seen, ({ files }) => files),
  milliseconds: pair(watch.seen, ({ cpu }, before) => cpu - before.cpu),
  sizes,
  report: readFileSync(page).length,
};
writeFileSync(join(folder, "long.json"), `${JSON.stringify(report, null, 2)}\n`);
process.exit(0);

/**
 * A run of the real model in a process of its own, its model in a worker thread of two threads: `killed-child.ts
 * <output> <every> <kill>`. `kill` is "never", or a place and a step at which the process kills itself with SIGKILL:
 * "sampling:2" while the worker samples, "update:2" between two updates of a step, "saving:2" while the worker writes a
 * checkpoint.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { learnerSettings, openJsonl, openPolicy, parseSettings, train } from "@papo/core";
import { dapo, papo } from "@papo/recipes";
import { ScorerPlugin, TapPlugin } from "../support/bandit.ts";
import { shareOfEven, tinyModel } from "./support.ts";

const [output, every, kill] = process.argv.slice(2) as [string, string, string];
const [place, killStep] = kill.split(":");
let step = 0;
let calls = 0;

/** Dies at the n-th time it comes by in the chosen step. */
function dieAt(here: string, times: number): void {
  if (here === place && step === Number(killStep) && ++calls >= times) process.kill(process.pid, "SIGKILL");
}

const settings = parseSettings({
  steps: 3,
  promptsPerStep: 4,
  promptsPerMinibatch: 2,
  samplesPerPrompt: 4,
  learningRate: 1e-3,
  warmupSteps: 2,
  checkpointEvery: Number(every),
  sampling: { maxNewTokens: 8 },
});
const dataset = await openJsonl(fileURLToPath(new URL("../../recipes/examples/data/rows.jsonl", import.meta.url)));
const policy = await openPolicy({ folder: tinyModel, threads: 2, ...learnerSettings(settings) });

const watch = new TapPlugin(({ hooks }) => {
  hooks.prompts.tapPromise("TapPlugin", async (rows, context) => {
    step = context.step;
    return rows;
  });
  hooks.terms.tap("TapPlugin", (terms) => {
    dieAt("update", 2);
    return terms;
  });
});
const score = new ScorerPlugin({
  name: "even",
  score: (sample) => {
    dieAt("sampling", 5);
    return shareOfEven(sample);
  },
});

if (place === "saving") {
  const watchSaving = setInterval(() => {
    if (existsSync(join(output, "checkpoints", `step-${killStep}.partial`))) process.kill(process.pid, "SIGKILL");
  }, 1);
  watchSaving.unref();
}

await train({
  policy,
  plugins: [score, ...papo(dapo({ sampling: { rounds: 2 } })), watch],
  dataset,
  settings,
  output,
  resume: true,
});
await policy.close();

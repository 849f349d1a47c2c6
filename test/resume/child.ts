/**
 * A run of the tabular policy in a process of its own: `child.ts <output> <kill>`, where kill is "never", or a place
 * and a step ("scoring:3", "update:5", "save:8") at which the process kills itself with SIGKILL.
 */
import { sub, square } from "@tensorflow/tfjs-core";
import { train, type Scorable } from "@papo/core";
import {
  BanditPlugin,
  banditSettings,
  letterRows,
  repeatsTheLetter,
  ScorerPlugin,
  TapPlugin,
} from "../support/bandit.ts";
import { tabularPolicy } from "../support/tabular-policy.ts";

const [output, kill] = process.argv.slice(2) as [string, string];
const [place, killStep] = kill.split(":");
let step = 0;
let calls = 0;

/** Dies at the n-th time it comes by in the chosen step. */
function dieAt(here: string, times: number): void {
  if (here !== place || step !== Number(killStep) || ++calls < times) return;
  process.kill(process.pid, "SIGKILL");
}

const score = async (sample: Scorable): Promise<number> => {
  dieAt("scoring", 9);
  await Promise.resolve();
  return repeatsTheLetter(sample);
};

/** Pulls to the weights of the run's start: they must survive too. */
const reference = new TapPlugin(({ hooks, scores }) => {
  const start = scores.request({ weights: "reference" });
  hooks.prompts.tapPromise("TapPlugin", async (rows, context) => {
    step = context.step;
    return rows;
  });
  hooks.terms.tap("TapPlugin", (terms, batch) => {
    dieAt("update", 2);
    return [...terms, { name: "pull", value: square(sub(batch.logProbs, batch.get(start))), reduction: "token_mean" }];
  });
});

const policy = tabularPolicy();
const save = policy.learner.save.bind(policy.learner);
policy.learner.save = async (folder) => {
  await save(folder);
  dieAt("save", 1);
};

await train({
  policy,
  plugins: [new ScorerPlugin({ score }), new BanditPlugin(), reference],
  dataset: letterRows,
  settings: { ...banditSettings, promptsPerMinibatch: 2, learningRate: 0.05, warmupSteps: 2, decay: "linear" },
  output,
  resume: true,
});

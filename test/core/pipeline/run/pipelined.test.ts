import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { train } from "../../../../core/pipeline/run.ts";
import { BanditPlugin, repeatsTheLetter, ScorerPlugin, TapPlugin } from "../../../support/bandit.ts";
import { tabularPolicy } from "../../../support/tabular-policy.ts";
import { column, options, readMetrics, settings } from "./bandit-run.ts";

const pipelined = { pipelined: "rewards", steps: 9, checkpointEvery: 4 };

test("pipelined, a step trains on what the weights before the last updates sampled, and says so", async () => {
  const run = options(settings({ ...pipelined, steps: 40, checkpointEvery: 0, promptsPerMinibatch: 2 }));
  await train(run);
  // Two updates a step; the first step has nothing before it.
  expect(column(run.output, "rollout/staleness")).toEqual([0, ...Array.from({ length: 39 }, () => 2)]);
  expect(Math.max(...(column(run.output, "rollout/parity_max") as number[]))).toBeLessThan(1e-6);
  const rewards = column(run.output, "reward/mean") as number[];
  expect(rewards.slice(-3).reduce((a, b) => a + b) / 3).toBeGreaterThan(0.9);
});

test("pipelined, the next step is scored while this one is trained on, and heard of when it begins", async () => {
  const heard: string[] = [];
  const scorer = {
    score: (sample: Parameters<typeof repeatsTheLetter>[0]) => (heard.push("scored"), repeatsTheLetter(sample)),
  };
  const follows = new TapPlugin(({ hooks }) =>
    hooks.stepped.tapPromise("TapPlugin", ({ step }) => (heard.push(`stepped ${step}`), Promise.resolve(undefined))),
  );
  const run = options({
    plugins: [new ScorerPlugin(scorer), new BanditPlugin(), follows],
    ...settings({ ...pipelined, steps: 2, parityPrompts: 0 }),
  });
  await train({
    ...run,
    onEvents: (events) => events.on("response", ({ step }) => void heard.push(`response ${step}`)),
  });
  const at = heard.indexOf("stepped 1");
  expect(heard.slice(0, at).filter((what) => what === "scored")).toHaveLength(48);
  expect(heard.slice(0, at).filter((what) => what === "response 2")).toHaveLength(0);
  expect(heard.slice(at).filter((what) => what === "response 2")).toHaveLength(24);
});

test("pipelined, a resumed run repeats the steps of one that was left alone: after a checkpoint a step is sampled afresh", async () => {
  const [whole, cut] = [options(settings(pipelined)), options(settings(pipelined))];
  await train(whole);
  expect(column(whole.output, "rollout/staleness")).toEqual([0, 1, 1, 1, 0, 1, 1, 1, 0]);
  const dies = new TapPlugin(
    ({ hooks }) =>
      void hooks.groups.tapPromise("TapPlugin", (selection, { step }) =>
        step === 7 ? Promise.reject(new Error("cut")) : Promise.resolve(selection),
      ),
  );
  // What is saved when step 7 fails is the end of step 6, its place in the data before the rows of step 7.
  await expect(train({ ...cut, plugins: [...cut.plugins, dies] })).rejects.toThrow(
    /Step 7 failed: .*cut.*up to step 6 is safe/s,
  );
  const harmless = new TapPlugin(() => undefined);
  await train({ ...cut, plugins: [...cut.plugins, harmless], policy: tabularPolicy(), resume: true });
  expect(column(cut.output, "reward/mean").slice(0, 6)).toEqual(column(whole.output, "reward/mean").slice(0, 6));
  expect(column(cut.output, "rollout/staleness")).toEqual([0, 1, 1, 1, 0, 1, 0, 1, 0]);
  const rows = (output: string, step: number): string[] => [
    ...new Set(
      readFileSync(join(output, "rewards", `step-${step}.jsonl`), "utf8")
        .trim()
        .split("\n")
        .map((line) => (JSON.parse(line) as { prompt: string }).prompt),
    ),
  ];
  for (const step of [6, 7, 8, 9]) expect(rows(cut.output, step)).toEqual(rows(whole.output, step));
  const again = options(settings(pipelined));
  await train(again);
  expect(readMetrics(again.output)).toEqual(readMetrics(whole.output));
});

test("pipelined, a rollback forgets what the weights before it sampled", async () => {
  const back = new TapPlugin(({ hooks }) =>
    hooks.stepped.tapPromise("TapPlugin", ({ step }) =>
      Promise.resolve(step === 6 ? { rollBack: "try again" } : undefined),
    ),
  );
  const run = options({ plugins: [new ScorerPlugin(), new BanditPlugin(), back], ...settings(pipelined) });
  await train(run);
  expect(column(run.output, "rollout/staleness")).toEqual([0, 1, 1, 1, 0, 1, 0, 1, 0]);
});

test("pipelined, a step that is measured has the sampler for itself", async () => {
  const run = options(settings({ ...pipelined, steps: 6, checkpointEvery: 0 }));
  await train({ ...run, evaluation: { every: 3, measure: () => Promise.resolve({}) } });
  expect(column(run.output, "rollout/staleness")).toEqual([0, 1, 1, 0, 1, 1]);
});

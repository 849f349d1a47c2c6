import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Decision } from "../../../../core/contracts/hook-values.ts";
import { train } from "../../../../core/pipeline/run.ts";
import type { TrainSummary } from "../../../../core/pipeline/run/options.ts";
import {
  BanditPlugin,
  banditSettings,
  letterRows,
  ScorerPlugin,
  TapPlugin,
  temporaryFolder,
} from "../../../support/bandit.ts";
import { tabularPolicy } from "../../../support/tabular-policy.ts";

interface Going {
  readonly output?: string;
  readonly resume?: boolean;
  readonly checkpointEvery?: number;
  /** The run is asked to stop in the evaluation after this step, which breaks it off. */
  readonly cutIn?: number;
  /** What a plugin decides after a step. */
  readonly decide?: (step: number) => Decision | undefined;
  /** The step in which a plugin fails before anything is learned. */
  readonly failsIn?: number;
}

/** Eight steps with an evaluation after each third. */
async function go({
  output = temporaryFolder(),
  resume = false,
  checkpointEvery = 3,
  cutIn,
  decide,
  failsIn,
}: Going): Promise<TrainSummary & { readonly output: string }> {
  const abort = new AbortController();
  const plugin = new TapPlugin(({ hooks }) => {
    hooks.stepped.tapPromise("TapPlugin", async ({ step }) => decide?.(step));
    hooks.groups.tapPromise("TapPlugin", async (selection, { step }) => {
      if (step === failsIn) throw new Error("out of luck");
      return selection;
    });
  });
  const measure = async ({ step }: { readonly step: number }): Promise<Record<string, number>> => {
    if (step !== cutIn) return { "evaluation/step": step };
    abort.abort();
    throw new Error("broken off");
  };
  const summary = await train({
    policy: tabularPolicy(),
    plugins: [new ScorerPlugin(), new BanditPlugin(), plugin],
    dataset: letterRows,
    settings: { ...banditSettings, steps: 8, checkpointEvery, keepCheckpoints: 9 },
    evaluation: { every: 3, measure },
    signal: abort.signal,
    output,
    resume,
  });
  return { ...summary, output };
}

/** The steps whose rewards each checkpoint holds, by its own step. */
function rewardsOf(output: string): Record<string, number[]> {
  const folder = join(output, "checkpoints");
  const stepOf = (name: string): number => Number(/\d+/.exec(name));
  return Object.fromEntries(
    readdirSync(folder).map((name) => [
      stepOf(name),
      readdirSync(join(folder, name, "rewards"))
        .map(stepOf)
        .sort((a, b) => a - b),
    ]),
  );
}

const contents = (folder: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => [
        join(parentPath, name).slice(folder.length),
        readFileSync(join(parentPath, name), "utf8"),
      ]),
  );

const leftAlone = { 0: [], 3: [1, 2, 3], 6: [4, 5, 6], 8: [7, 8] };

test("each checkpoint holds the rewards of the steps since the one before", async () => {
  expect(rewardsOf((await go({})).output)).toEqual(leftAlone);
});

test("one that is written again when its step's evaluation is done holds what it held, however often that is broken off", async () => {
  const whole = await go({});
  const { output, ended, steps } = await go({ cutIn: 6 });
  expect([ended, steps]).toEqual(["interrupted", 6]);
  const held = { 0: [], 3: [1, 2, 3], 6: [4, 5, 6] };
  expect(rewardsOf(output)).toEqual(held);
  expect(await go({ output, resume: true, cutIn: 6 })).toMatchObject({ ended: "interrupted", steps: 6 });
  expect(rewardsOf(output)).toEqual(held);
  expect(await go({ output, resume: true })).toMatchObject({ ended: "finished", steps: 8 });
  for (const folder of ["checkpoints", "rewards"])
    expect(contents(join(output, folder))).toEqual(contents(join(whole.output, folder)));
});

test("one of a step that none was due after is where the next begins", async () => {
  const { output } = await go({ checkpointEvery: 4, cutIn: 3 });
  expect(rewardsOf(output)).toEqual({ 0: [], 3: [1, 2, 3] });
  await go({ output, resume: true, checkpointEvery: 4 });
  expect(rewardsOf(output)).toEqual({ 0: [], 3: [1, 2, 3], 4: [4], 8: [5, 6, 7, 8] });
});

test("one that is saved when a step fails, and those after a resume, leave no step out and hold none twice", async () => {
  const output = temporaryFolder();
  await expect(go({ output, failsIn: 6 })).rejects.toThrow(/Step 6 failed: .*out of luck\n.*up to step 5 is safe/);
  expect(rewardsOf(output)).toEqual({ 0: [], 3: [1, 2, 3], 5: [4, 5] });
  await go({ output, resume: true });
  expect(rewardsOf(output)).toEqual({ 0: [], 3: [1, 2, 3], 5: [4, 5], 6: [6], 8: [7, 8] });
});

test("a rollback goes back in weights alone: steps go on, and so do the rewards that checkpoints hold", async () => {
  const rolled = await go({ decide: (step) => (step === 7 ? { rollBack: "it went wrong", before: 4 } : undefined) });
  expect(rewardsOf(rolled.output)).toEqual(leftAlone);
  // In the very step after which one is due: what is saved there is the weights that were gone back to.
  const { output } = await go({ decide: (step) => (step === 6 ? { rollBack: "it went wrong" } : undefined) });
  expect(rewardsOf(output)).toEqual(leftAlone);
  const weights = (step: number): string =>
    readFileSync(join(output, "checkpoints", `step-${step}`, "policy/weights.json"), "utf8");
  expect(weights(6)).toBe(weights(3));
});

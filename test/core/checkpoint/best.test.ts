import { readdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { keepBest, readBest, setDamagedBestAside } from "../../../core/checkpoint/best.ts";
import { tabularPolicy } from "../../support/tabular-policy.ts";
import { newFolder, removeFolders, trainSmall } from "../../trust/support.ts";

afterAll(removeFolders);

test("the weights of the best step are kept, by the highest or the lowest metric; equal and absent ones change nothing", async () => {
  const { learner } = tabularPolicy();
  for (const [mode, kept] of [
    ["max", [1, 3]],
    ["min", [1, 2]],
  ] as const) {
    const folder = join(newFolder(), "best");
    expect(readBest(folder)).toBeNull();
    const done: number[] = [];
    for (const [index, value] of [5, 4, 6, 6, NaN, undefined].entries()) {
      const step = index + 1;
      const best = await keepBest(
        folder,
        { metric: "score", mode },
        { step, metrics: value === undefined ? {} : { score: value } },
        learner,
      );
      if (best !== null) done.push(best.step);
    }
    expect(done).toEqual(kept);
    expect(readBest(folder)).toEqual({ step: kept[1], metric: "score", value: mode === "max" ? 6 : 4 });
  }
});

test("a run keeps its best model in bfloat16 without the optimizer, and says that a metric is not there", async () => {
  const settings = {
    checkpointType: "bfloat16",
    checkpointOptimizer: false,
    keepBest: { metric: "reward/mean" },
  } as const;
  const { error, alarms, output } = await trainSmall({ settings });
  expect([error, alarms]).toEqual([null, []]);
  expect(readBest(join(output, "best"))).toMatchObject({ metric: "reward/mean" });
  expect(readdirSync(join(output, "best")).sort()).toEqual(["best.json", "model"]);
  const policy = join(output, "checkpoints", "step-2", "policy");
  expect(readdirSync(policy).sort()).toEqual(["exact.safetensors", "learner.json", "model"]);
  const size = (file: string): number => statSync(join(policy, file)).size;
  expect(Math.abs(size("model/model.safetensors") / size("exact.safetensors") - 1)).toBeLessThan(0.05);
  const resumed = await trainSmall({
    settings: { ...settings, keepBest: { metric: "rewards/mean" }, steps: 3 },
    output,
    resume: true,
  });
  expect(resumed.error).toBeNull();
  const missing = await trainSmall({ settings: { keepBest: { metric: "rewards/mean" }, steps: 1 } });
  expect(missing.alarms).toEqual([
    'run: keepBest: there is no metric "rewards/mean"; did you mean "reward/mean"? Nothing is kept until there is one',
  ]);
});

test("weights of which a damaged best.json no longer says how good they are stay beside those that are kept from then on", async () => {
  const { learner } = tabularPolicy();
  const folder = join(newFolder(), "best");
  const keep = async (step: number): Promise<unknown> =>
    keepBest(folder, { metric: "score", mode: "max" }, { step, metrics: { score: step } }, learner);
  expect(setDamagedBestAside(folder)).toBeNull();
  for (const aside of ["best-damaged", "best-damaged-2"]) {
    await keep(1);
    expect(setDamagedBestAside(folder)).toBeNull();
    writeFileSync(join(folder, "best.json"), "\0\0");
    await expect(keep(2)).rejects.toThrow(/best\.json is damaged: zero bytes/);
    expect(setDamagedBestAside(folder)).toMatch(
      new RegExp(`is damaged: .*Its weights are now in .*${aside}, and the best is kept anew`),
    );
  }
  expect(readdirSync(dirname(folder)).sort()).toEqual(["best-damaged", "best-damaged-2"]);
});

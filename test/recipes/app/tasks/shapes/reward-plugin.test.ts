import { expect, test } from "vitest";
import { createHost, type Scorable } from "@papo/core";
import { makeExample, sharedSprites } from "../../../../../recipes/app/tasks/shapes/examples.ts";
import { ShapesRewardPlugin } from "../../../../../recipes/app/tasks/shapes/reward-plugin.ts";

test("a right answer is worth 1, a wrong one of the right form 0.1, anything else nothing", async () => {
  const { row } = makeExample(3, { seed: 1, split: "train" }, await sharedSprites());
  const scorers = [...createHost([new ShapesRewardPlugin()], { seed: 1 }).scorers.values()];
  const rewardOf = async (text: string): Promise<number> => {
    let reward = 0;
    for (const { weight, score } of scorers) {
      const part = await score(
        {
          prompt: { row },
          response: { segments: [{ source: "policy", tokens: new Int32Array(), text }] },
        } as unknown as Scorable,
        new AbortController().signal,
      );
      reward += weight * (typeof part === "number" ? part : part!.value);
    }
    return reward;
  };
  expect(scorers.map(({ name }) => name)).toEqual(["accuracy", "format"]);
  expect(await rewardOf(`<think> </think> \\boxed{ ${row.answer} }`)).toBeCloseTo(1, 12);
  expect(await rewardOf(`<think> </think> \\boxed{ not ${row.answer} }`)).toBeCloseTo(0.1, 12);
  expect(await rewardOf(row.answer)).toBe(0);
});

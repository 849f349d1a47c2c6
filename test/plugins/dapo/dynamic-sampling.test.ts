import { createHost } from "@papo/core";
import type { Group, GroupSelection } from "@papo/core";
import { makeGroup, makeSample } from "@papo/core/testing";
import { DynamicSamplingPlugin } from "@papo/plugins";
import { describe, expect, it } from "vitest";

type Options = ConstructorParameters<typeof DynamicSamplingPlugin>[0];

const group = (key: string, rewards: readonly number[], round = 0): Group =>
  makeGroup({
    key,
    round,
    samples: rewards.map((reward, index) =>
      makeSample({ prompt: key, index, reward, parts: { accuracy: reward > 0.5 ? 1 : 0 } }),
    ),
  });

const choose = async (options: Options, groups: readonly Group[], round = 0, wanted = 2): Promise<GroupSelection> => {
  const { hooks } = createHost([new DynamicSamplingPlugin(options)], { seed: 1 });
  return await hooks.groups.promise(
    { groups, wanted, round, lastRound: false, sampleMore: false },
    { step: 3, steps: 10 },
  );
};
const keys = ({ groups }: GroupSelection): string[] => groups.map(({ key }) => key);

describe("DynamicSamplingPlugin", () => {
  const all = [group("right", [1, 1]), group("mixed", [0, 1]), group("wrong", [0, 0]), group("partly", [0.4, 0.3])];

  it("keeps groups whose rewards vary, in the order of the prompts, and asks for more while some are missing", async () => {
    const selection = await choose({}, all, 0, 3);
    expect(keys(selection)).toEqual(["mixed", "partly"]);
    expect(selection.sampleMore).toBe(true);
    expect((await choose({}, all, 0, 2)).sampleMore).toBe(false);
  });

  it("keeps groups whose mean of a part lies strictly between the bounds", async () => {
    expect(keys(await choose({ metric: "accuracy", keep: "between" }, all))).toEqual(["mixed"]);
    expect(keys(await choose({ keep: "between", low: 0, high: 0.5 }, all))).toEqual(["partly"]);
    await expect(choose({ metric: "acuracy" }, all)).rejects.toThrow(
      'the reward of prompt "right" has no part "acuracy"; it has accuracy',
    );
  });

  it("judges only the new round", async () => {
    const kept = group("kept", [1, 1], 0);
    expect(keys(await choose({}, [kept, group("new", [1, 0], 1), group("same", [1, 1], 1)], 1))).toEqual([
      "kept",
      "new",
    ]);
  });

  it("stops asking, or the run, when its rounds are used up", async () => {
    expect((await choose({ rounds: 2 }, [group("same", [1, 1], 1)], 1)).sampleMore).toBe(false);
    await expect(choose({ rounds: 2, whenSpent: "stop" }, [group("same", [1, 1], 1)], 1)).rejects.toThrow(
      'DynamicSamplingPlugin failed in hook "groups": step 3 has 0 of 2 groups that teach something after 2 rounds',
    );
  });

  it("keeps a whole round of which nothing survives, on request", async () => {
    const selection = await choose({ whenNoneSurvives: "keep" }, [group("right", [1, 1]), group("wrong", [0, 0])]);
    expect(keys(selection)).toEqual(["right", "wrong"]);
    expect(selection.sampleMore).toBe(false);
    expect(keys(await choose({ whenNoneSurvives: "drop" }, [group("right", [1, 1])]))).toEqual([]);
  });

  it("judges the reward as it was scored, before a plugin shaped it", async () => {
    const shaped = group("a", [0, 0]);
    shaped.samples.forEach((sample, index) => (sample.reward = -index));
    expect(keys(await choose({}, [shaped]))).toEqual([]);
  });

  it("counts its rounds as spent in the run's last round", async () => {
    const { hooks } = createHost([new DynamicSamplingPlugin({ whenSpent: "stop" })], { seed: 1 });
    const selection = { groups: [], wanted: 1, round: 0, lastRound: true, sampleMore: false };
    await expect(hooks.groups.promise(selection, { step: 3, steps: 10 })).rejects.toThrow("0 of 1 groups");
  });

  it("rejects bounds that leave nothing between them", () => {
    expect(() => new DynamicSamplingPlugin({ low: 0.9, high: 0.1 })).toThrow(
      'the option "low" is 0.9 and "high" is 0.1',
    );
  });

  it("counts rounds and waste over the whole step", async () => {
    const host = createHost([new DynamicSamplingPlugin()], { seed: 1 });
    const select = (groups: readonly Group[], round: number) =>
      host.hooks.groups.promise(
        { groups, wanted: 2, round, lastRound: false, sampleMore: false },
        { step: 1, steps: 1 },
      );
    const first = await select(all.slice(0, 3), 0);
    const second = await select([...first.groups, group("late", [0, 1], 1)], 1);
    host.hooks.advantages.call({} as never, { groups: second.groups } as never);
    expect(host.takeMetrics()).toEqual({
      "dapo/rounds": 2,
      "dapo/dropped": 2,
      "dapo/dropped_share": 0.5,
      "dapo/carried": 0,
    });
  });
});

describe("DynamicSamplingPlugin that carries over", () => {
  it("keeps what survived for the next step, under keys of its own, first in line and not judged again", async () => {
    const host = createHost([new DynamicSamplingPlugin({ rounds: 1, whenSpent: "carry" })], { seed: 1 });
    const ask = (step: number, groups: readonly Group[]): Promise<GroupSelection> =>
      host.hooks.groups.promise(
        { groups, wanted: 2, round: 0, lastRound: false, sampleMore: false },
        { step, steps: 10 },
      );
    const first = await ask(1, [group("a", [0, 1]), group("b", [1, 1])]);
    expect([first.groups, first.sampleMore]).toEqual([[], false]);
    const second = await ask(2, [group("a", [0, 0]), group("c", [1, 0])]);
    expect(keys(second)).toEqual(["a (step 1)", "c"]);
    expect(second.groups[0]!.carried).toBe(true);
    expect(keys(await ask(3, [group("d", [0, 1]), group("e", [0, 1])]))).toEqual(["d", "e"]);
  });

  it("waits as long as it takes, and forgets nothing on the way", async () => {
    const host = createHost([new DynamicSamplingPlugin({ rounds: 1, whenSpent: "carry" })], { seed: 1 });
    const ask = (step: number, key: string): Promise<GroupSelection> =>
      host.hooks.groups.promise(
        { groups: [group(key, [0, 1])], wanted: 3, round: 0, lastRound: false, sampleMore: false },
        { step, steps: 10 },
      );
    expect([keys(await ask(1, "a")), keys(await ask(2, "a")), keys(await ask(3, "a"))]).toEqual([
      [],
      [],
      ["a (step 1)", "a (step 2)", "a"],
    ]);
  });
});

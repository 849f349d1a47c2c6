import type { Group } from "@papo/core";
import { computeAdvantages, createHost, makeGroup, makeSample, type Host } from "@papo/core/testing";
import { GroupAdvantagePlugin, PrioritizedReplayPlugin } from "@papo/plugins";
import { describe, expect, it } from "vitest";

type Options = ConstructorParameters<typeof PrioritizedReplayPlugin>[0];

/** A step of groups with these rewards, one response each, under these keys. */
function sampled(rewards: Readonly<Record<string, number>>, step: number): Group[] {
  return Object.entries(rewards).map(([key, reward]) => {
    const sample = makeSample({ prompt: key, reward });
    return makeGroup({
      key,
      samples: [{ ...sample, prompt: { ...sample.prompt, origin: { step, coefficients: {} } } }],
    });
  });
}

async function take(host: Host, groups: readonly Group[], step: number, steps = 100): Promise<readonly Group[]> {
  host.beginStep({ step, steps });
  const { beside = [] } = await host.hooks.groups.promise(
    { groups, wanted: groups.length, round: 0, lastRound: true, sampleMore: false },
    { step, steps, sampled: groups },
  );
  const all = [...groups, ...beside];
  const samples = all.flatMap((group) => group.samples);
  const B = samples.length;
  const array = (value: number): Float32Array => new Float32Array(B).fill(value);
  computeAdvantages(host, {
    step,
    samples,
    groups: all,
    groupOf: Int32Array.from(samples.keys()),
    beside: beside.length,
    B,
    T: 1,
    mask: array(1),
    oldLogProbs: array(-1),
    scores: new Map(),
  });
  return beside;
}

const hostOf = (options: Options): Host =>
  createHost([new GroupAdvantagePlugin(), new PrioritizedReplayPlugin(options)], { seed: 1 });
const keys = (groups: readonly Group[]): string[] => groups.map(({ key }) => key);

describe("PrioritizedReplayPlugin", () => {
  it("replays nothing until enough is kept, then no group twice in a step, and keeps the newest", async () => {
    const host = hostOf({ replayed: 2, capacity: 3 });
    expect(await take(host, sampled({ a: 1 }, 1), 1)).toEqual([]);
    expect(await take(host, sampled({ b: 1 }, 2), 2)).toEqual([]);
    expect(keys(await take(host, sampled({ c: 1, d: 1 }, 3), 3)).sort()).toEqual(["a (step 1)", "b (step 2)"]);
    expect(host.takeMetrics()).toMatchObject({ "freshper/kept": 2, "freshper/age": 1.5 });
    expect(keys(host.keptGroups.save()["PrioritizedReplayPlugin"]![0]!)).toEqual([
      "b (step 2)",
      "c (step 3)",
      "d (step 3)",
    ]);
    // What is replayed is not kept again.
    expect(keys(await take(host, [], 4)).every((key) => !key.includes("(step 4)"))).toBe(true);
  });

  it("draws in proportion to (|r| + ε)·exp(−age / τ) to the power of α", async () => {
    const draws: Record<string, number> = { "a (step 1)": 0, "b (step 1)": 0, "c (step 11)": 0 };
    const host = hostOf({ replayed: 1, ageDecay: 10, exponent: 0.5 });
    await take(host, sampled({ a: 1, b: -0.25 }, 1), 1);
    await take(host, sampled({ c: 0.25 }, 11), 11);
    const steps = 1500;
    // From the ages 20, 20 and 10 on; they grow alike, so that shares stay.
    for (let step = 21; step < 21 + steps; step++) {
      const { beside = [] } = await host.hooks.groups.promise(
        { groups: [], wanted: 1, round: 0, lastRound: true, sampleMore: false },
        { step, steps: 2 * steps },
      );
      for (const key of keys(beside)) draws[key]!++;
    }
    const priorities = [Math.exp(-1), 0.5 * Math.exp(-1), 0.5 * Math.exp(-0.5)];
    const sum = priorities.reduce((a, b) => a + b, 0);
    Object.values(draws).forEach((count, index) => {
      const share = priorities[index]! / sum;
      expect(Math.abs(count / steps - share)).toBeLessThan(4 * Math.sqrt((share * (1 - share)) / steps));
    });
  });

  it("repeats its draws, and priorities come back with a run's state", async () => {
    const steps = [{ a: 1, b: 0.1 }, { c: 0.4 }, { d: 0.3 }];
    const run = async (host: Host, from = 0): Promise<string[]> => {
      const seen: string[] = [];
      for (const [index, rewards] of steps.entries())
        if (index >= from) seen.push(...keys(await take(host, sampled(rewards, index + 1), index + 1)));
      return seen;
    };
    const options = { replayed: 1, priority: "advantage" as const };
    const [whole, cut] = [hostOf(options), hostOf(options)];
    const all = await run(whole);
    for (const [index, rewards] of steps.slice(0, 2).entries()) await take(cut, sampled(rewards, index + 1), index + 1);
    const resumed = hostOf(options);
    resumed.loadState(cut.saveState());
    resumed.keptGroups.load(cut.keptGroups.save());
    expect(await run(resumed, 2)).toEqual(all.slice(1));
    expect(resumed.saveState()).toEqual(whole.saveState());
  });

  it("refuses to replay more than it keeps", () => {
    expect(() => new PrioritizedReplayPlugin({ replayed: 9, capacity: 8 })).toThrow(
      'PrioritizedReplayPlugin: the option "replayed" is 9 and "capacity" is 8; keep at least what is replayed',
    );
  });
});

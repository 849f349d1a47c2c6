import { expect, test } from "vitest";
import { arrayDataset } from "../../../../core/data/dataset.ts";
import { createRowOrder } from "../../../../core/data/row-order.ts";
import { collectGroups, startCollecting, type Collected } from "../../../../core/pipeline/step/collect.ts";
import { createHost } from "../../../../core/host/host.ts";
import type { Run } from "../../../../core/contracts/plugin.ts";
import { RewardDesk } from "../../../../core/rewards/rewards.ts";
import { parseSettings, type RunSettingsInput } from "../../../../core/contracts/settings.ts";
import type { Policy } from "../../../../core/contracts/policy.ts";
import { banditSettings, letterRows, ScorerPlugin, TapPlugin } from "../../../support/bandit.ts";
import { tabularPolicy } from "../../../support/tabular-policy.ts";

interface Setup {
  readonly settings?: RunSettingsInput;
  readonly scorer?: ScorerPlugin;
  readonly dataset?: typeof letterRows;
  readonly policy?: Policy;
}

function collect(
  apply: (run: Run) => void,
  { settings = {}, scorer = new ScorerPlugin(), dataset = letterRows, policy = tabularPolicy() }: Setup = {},
): Promise<Collected> {
  const host = createHost([scorer, new TapPlugin(apply)], { seed: 1 });
  const desk = new RewardDesk([...host.scorers.values()], 8);
  const order = createRowOrder(dataset, host.random.key("rows"));
  const all = parseSettings({ ...banditSettings, ...settings });
  const collecting = { policy, host, settings: all, order, datasetSize: dataset.size, desk };
  return startCollecting({ step: 1, steps: 2 }, collecting).then((started) => collectGroups(started, collecting));
}

const keys = (groups: readonly { readonly key: string }[]): string[] => groups.map(({ key }) => key);

test("refill rounds go on until the step is full, groups stay in the order of sampling", async () => {
  const rounds: number[] = [];
  const result = await collect(
    ({ hooks }) =>
      hooks.groups.tapPromise("TapPlugin", async (selection) => {
        rounds.push(selection.round);
        // Keep those of early letters, given back in the wrong order.
        const groups = selection.groups.filter(({ key }) => /^[abc]/.test(key)).reverse();
        return { ...selection, groups, sampleMore: true };
      }),
    { settings: { promptsPerRound: 2 } },
  );
  expect(result.groups).toHaveLength(4);
  expect(result.rounds).toBe(rounds.length);
  expect(rounds).toEqual([...rounds.keys()]);
  expect(result.sampled).toHaveLength(2 * result.rounds);
  expect(keys(result.groups)).toEqual(keys(result.sampled.filter(({ key }) => /^[abc]/.test(key))).slice(0, 4));
});

test("rounds smaller than the step go on without being asked until enough is sampled", async () => {
  const { groups, rounds } = await collect(() => undefined, { settings: { promptsPerRound: 3 } });
  expect(groups).toHaveLength(4);
  expect(rounds).toBe(2);
});

test("a row met again in one step has a key, random numbers and responses of its own", async () => {
  const { sampled } = await collect(() => undefined, {
    dataset: arrayDataset([{ id: "only", prompt: "a" }]),
    settings: { promptsPerStep: 2, samplesPerPrompt: 20 },
  });
  expect(keys(sampled)).toEqual(["only", "only#2"]);
  const [first, second] = sampled.map(({ samples }) => samples.map(({ response }) => response.text));
  expect(first).not.toEqual(second);
});

test("a repeated row's key is never another row's id", async () => {
  const dataset = arrayDataset([
    { id: "a", prompt: "a" },
    { id: "a#2", prompt: "b" },
  ]);
  const { sampled } = await collect(() => undefined, { dataset, settings: { promptsPerStep: 6 } });
  expect(new Set(keys(sampled)).size).toBe(6);
});

test("rounds end at maxRounds though nothing was kept", async () => {
  const result = await collect(
    ({ hooks }) =>
      hooks.groups.tapPromise("TapPlugin", async (selection) => ({ ...selection, groups: [], sampleMore: true })),
    { settings: { maxRounds: 3 } },
  );
  expect(result).toMatchObject({ groups: [], rounds: 3 });
  expect(result.sampled).toHaveLength(12);
});

test("responses are one whatever order scorers finish in", async () => {
  const finish = async (order: 1 | -1) => {
    let calls = 0;
    const score = async (): Promise<number> => {
      const wait = 24 + order * calls++;
      for (let turn = 0; turn < wait; turn++) await Promise.resolve();
      return 0;
    };
    const { sampled } = await collect(() => undefined, { scorer: new ScorerPlugin({ score }) });
    return sampled.map(({ key, samples }) => [key, ...samples.map(({ response }) => response.text)]);
  };
  expect(await finish(1)).toEqual(await finish(-1));
});

test("plugins shape the rewards of a group; a wrong number of them is refused", async () => {
  const { groups } = await collect(({ hooks }) =>
    hooks.rewards.tapPromise("TapPlugin", async (rewards) => rewards.map((reward) => reward + 10)),
  );
  for (const { samples } of groups) for (const { reward, parts } of samples) expect(reward).toBe(parts.match! + 10);
  await expect(collect(({ hooks }) => hooks.rewards.tapPromise("TapPlugin", async () => [1]))).rejects.toThrow(
    /TapPlugin failed in hook "rewards": it returned 1 number for the 6 responses to row "."; return one finite number for each/,
  );
});

test("a scorer that stops the run names the first failing response, whichever failed first", async () => {
  const score: ScorerPlugin["scorer"]["score"] = async ({ response }) => {
    if (response.index === 3) await new Promise((resolve) => setTimeout(resolve, 5));
    if (response.index >= 3) throw new Error("no");
    return 1;
  };
  await expect(collect(() => undefined, { scorer: new ScorerPlugin({ score }) })).rejects.toThrow(
    /failed on response 3/,
  );
});

test("stand-ins for failed scorers are counted", async () => {
  const { scorerFailures } = await collect(() => undefined, {
    scorer: new ScorerPlugin({ score: () => NaN, onFailure: 0 }),
  });
  expect(scorerFailures).toBe(24);
});

test("a curriculum chooses rows, and a group that was never sampled is refused", async () => {
  const { sampled } = await collect(({ hooks }) =>
    hooks.prompts.tapPromise("TapPlugin", async (rows) => rows.slice(0, 1)),
  );
  expect(sampled).toHaveLength(1);
  const doubled = collect(({ hooks }) =>
    hooks.groups.tapPromise("TapPlugin", async (selection) => ({
      ...selection,
      groups: [...selection.groups, selection.groups[0]!],
    })),
  );
  await expect(doubled).rejects.toThrow(
    /TapPlugin failed in hook "groups": it returned the group "." twice; return the selection/,
  );
});

test("an engine that loses responses is an error that names the row", async () => {
  const policy = tabularPolicy();
  const rollout: Policy["rollout"] = {
    generate: (requests, sampling, onResponse) =>
      policy.rollout.generate(requests, sampling, (response) =>
        response.index === 2 ? undefined : onResponse(response),
      ),
  };
  await expect(collect(() => undefined, { policy: { ...policy, rollout } })).rejects.toThrow(
    /gave 5 of 6 responses to row "."/,
  );
});

test("a plan samples a group from several views, one index after the other, each response saying from which", async () => {
  const { groups, plan } = await collect(({ hooks, views }) => {
    views.register({ name: "capital", prompt: (parts) => ({ ...parts, prompt: "f" }) });
    hooks.rollout.tap("TapPlugin", (asked) => ({
      shares: [
        { view: "original", count: 2 },
        { view: "capital", count: 3 },
      ],
      maxNewTokens: asked.maxNewTokens - 2,
    }));
  });
  for (const { samples } of groups) {
    expect(samples.map(({ response }) => [response.index, response.view])).toEqual([
      [0, "original"],
      [1, "original"],
      [2, "capital"],
      [3, "capital"],
      [4, "capital"],
    ]);
    expect(Math.max(...samples.map(({ response }) => response.tokens.length))).toBeLessThanOrEqual(3);
  }
  expect(plan.maxNewTokens).toBe(3);
});

test("what is sampled from the original does not depend on what else the plan asks for", async () => {
  const texts = ({ groups }: Collected): string[] =>
    groups.flatMap(({ samples }) => samples.slice(0, 2).map(({ response }) => response.text));
  const alone = await collect(() => undefined, { settings: { samplesPerPrompt: 2 } });
  const beside = await collect(({ hooks, views }) => {
    views.register({ name: "capital", prompt: (parts) => ({ ...parts, prompt: "f" }) });
    hooks.rollout.tap("TapPlugin", (plan) => ({
      ...plan,
      shares: [
        { view: "original", count: 2 },
        { view: "capital", count: 1 },
      ],
    }));
  });
  expect(texts(beside)).toEqual(texts(alone));
});

test.each([
  ["a view that is made after sampling", { shares: [{ view: "own", count: 1 }], maxNewTokens: 3 }],
  ["a view that is none", { shares: [{ view: "none", count: 1 }], maxNewTokens: 3 }],
  ["no responses", { shares: [], maxNewTokens: 3 }],
  ["half a response", { shares: [{ view: "original", count: 0.5 }], maxNewTokens: 3 }],
  ["no tokens", { shares: [{ view: "original", count: 1 }], maxNewTokens: 0 }],
])("a plan with %s is an error that says what can be had", async (_, plan) => {
  const run = collect(({ hooks, views }) => {
    views.register({ name: "own", scope: "response", prompt: (parts) => parts });
    hooks.rollout.tap("TapPlugin", () => plan);
  });
  await expect(run).rejects.toThrow(
    /TapPlugin failed in hook "rollout": it returned a plan with .*; return a plan: shares with whole counts from 1/,
  );
});

test("groups carried over from an earlier step come first; a key of this step's is this step's group", async () => {
  const { groups, sampled } = await collect(({ hooks }) =>
    hooks.groups.tapPromise("TapPlugin", (selection) => {
      const [first, ...others] = selection.groups;
      return Promise.resolve({
        ...selection,
        groups: [...others.slice(0, 2), { ...first!, key: "old", carried: true as const }],
      });
    }),
  );
  expect(keys(groups)).toEqual(["old", ...keys(sampled.slice(1, 3))]);
  await expect(
    collect(({ hooks }) =>
      hooks.groups.tapPromise("TapPlugin", (selection) =>
        Promise.resolve({ ...selection, groups: [{ ...selection.groups[0]!, key: "strange" }] }),
      ),
    ),
  ).rejects.toThrow(
    'TapPlugin failed in hook "groups": it returned the group "strange", which this step did not sample',
  );
});

test("where a scorer fails that says so, the whole group is left out, counted, and never a 0 in a mean", async () => {
  let calls = 0;
  const scorer = new ScorerPlugin({
    onFailure: "drop",
    score: ({ prompt, response }) => {
      if (prompt.key === "b" && response.index === 2) throw new Error(`down ${++calls}`);
      return 1;
    },
  });
  const seen: string[] = [];
  const result = await collect(
    ({ hooks }) =>
      hooks.rewards.tapPromise("TapPlugin", (rewards, group) => (seen.push(group.key), Promise.resolve(rewards))),
    { scorer, settings: { promptsPerStep: 6 } },
  );
  expect(keys(result.dropped)).toEqual(["b"]);
  expect(keys(result.groups).sort()).toEqual(["a", "c", "d", "e", "f"]);
  expect(seen).not.toContain("b");
  expect(result.scorerFailures).toBe(1);
  expect(result.sampled.flatMap(({ samples }) => samples).every(({ reward }) => reward === 1)).toBe(true);
});

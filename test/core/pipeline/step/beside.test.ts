/** Groups that a step trains on beside its own: kept ones, and those of trained auxiliary rollouts. */
import { expect, test } from "vitest";
import { carriedGroup } from "../../../../core/contracts/step/carried-group.ts";
import { createRowOrder } from "../../../../core/data/row-order.ts";
import { createHost } from "../../../../core/host/host.ts";
import type { Batch } from "../../../../core/contracts/step/batch.ts";
import type { AuxiliaryRollout } from "../../../../core/contracts/registered/auxiliary.ts";
import type { Group } from "../../../../core/contracts/step/sample.ts";
import type { GroupSelection } from "../../../../core/contracts/hook-values.ts";
import type { Plugin, Run } from "../../../../core/contracts/plugin.ts";
import { collectGroups, startCollecting, type Collected } from "../../../../core/pipeline/step/collect.ts";
import { train } from "../../../../core/pipeline/run.ts";
import { minibatchRows } from "../../../../core/pipeline/step/update.ts";
import { createRandom } from "../../../../core/math/random.ts";
import { RewardDesk } from "../../../../core/rewards/rewards.ts";
import { parseSettings, type RunSettingsInput } from "../../../../core/contracts/settings.ts";
import {
  BanditPlugin,
  banditSettings,
  letterRows,
  ScorerPlugin,
  TapPlugin,
  temporaryFolder,
} from "../../../support/bandit.ts";
import { tabularPolicy } from "../../../support/tabular-policy.ts";

/** The text of a response becomes the next prompt. */
const echo: AuxiliaryRollout = {
  name: "echo",
  samples: 2,
  trained: true,
  prompt: ({ response, prompt }) =>
    response.text === "" ? null : { prompt: response.text, system: null, pictures: prompt.pictures },
};

async function collect(
  apply: (run: Run) => void,
  settings: RunSettingsInput = {},
  scorer = new ScorerPlugin(),
): Promise<Collected & { readonly skipped: string[] }> {
  const host = createHost([scorer, new TapPlugin(apply)], { seed: 1 });
  const skipped: string[] = [];
  host.events.on("skip", ({ what, reason }) => skipped.push(`${what}: ${reason}`));
  const collecting = {
    policy: tabularPolicy(),
    host,
    settings: parseSettings({ ...banditSettings, samplesPerPrompt: 3, ...settings }),
    order: createRowOrder(letterRows, host.random.key("rows")),
    datasetSize: letterRows.size,
    desk: new RewardDesk([...host.scorers.values()], 8),
  };
  const context = { step: 1, steps: 2 };
  host.beginStep(context);
  return { ...(await collectGroups(await startCollecting(context, collecting), collecting)), skipped };
}

/** Changes what is chosen. */
const choosing = ({ hooks }: Run, change: (selection: GroupSelection) => Partial<GroupSelection>): void =>
  hooks.groups.tapPromise("TapPlugin", async (selection) => ({ ...selection, ...change(selection) }));

test("a trained auxiliary rollout gives a group of its own for each response, with its role, its parent and all views", async () => {
  const { groups, beside, made, auxiliary } = await collect((run) => {
    run.views.register({ name: "capital", prompt: (parts) => ({ ...parts, prompt: "f" }) });
    run.auxiliary.register(echo);
  });
  const spoken = groups.flatMap(({ samples }) => samples).filter(({ response }) => response.text !== "");
  expect(made.map(({ key, madeOf, role, samples }) => [key, madeOf, role, samples.length])).toEqual(
    spoken.map(({ prompt: { key }, response: { index } }) => [`${key}/echo/${index}`, key, "echo", 2]),
  );
  expect(beside).toEqual(made);
  expect(auxiliary).toHaveLength(2 * made.length);
  for (const [index, { prompt }] of made.entries()) {
    expect([...prompt.views.keys()]).toEqual(["original", "capital"]);
    expect(prompt.origin).toEqual({ step: 1, coefficients: {} });
    expect(prompt.row.prompt).toBe(spoken[index]!.response.text);
  }
});

test("its rewards are shaped before those of the responses that it was made of, which may read them", async () => {
  const { groups, made } = await collect(({ auxiliary, hooks }) => {
    auxiliary.register({ ...echo, prompt: ({ prompt }) => ({ prompt: "a", system: null, pictures: prompt.pictures }) });
    hooks.rewards.tapPromise("TapPlugin", async (rewards, group) =>
      group.role === "echo"
        ? rewards.map((reward) => 10 * reward + 1)
        : group.auxiliary("echo").map((own) => own.reduce((sum, { reward }) => sum + reward, 0)),
    );
  });
  for (const { samples } of made)
    for (const { reward, parts } of samples) expect(reward).toBe(10 * parts["match"]! + 1);
  const sums = made.map(({ samples }) => samples.reduce((sum, { reward }) => sum + reward, 0));
  expect(groups.flatMap(({ samples }) => samples.map(({ reward }) => reward))).toEqual(sums);
});

test("what was made of a group stands and falls with it, and nothing is trained on beside nothing", async () => {
  const some = await collect((run) => {
    run.auxiliary.register(echo);
    choosing(run, ({ groups }) => ({ groups: groups.slice(0, 2) }));
  });
  expect(new Set(some.beside.map(({ madeOf }) => madeOf))).toEqual(new Set(some.groups.map(({ key }) => key)));
  expect(some.made.length).toBeGreaterThan(some.beside.length);
  const none = await collect(
    (run) => {
      run.auxiliary.register(echo);
      choosing(run, () => ({ groups: [] }));
    },
    { maxRounds: 1 },
  );
  expect([none.groups, none.beside]).toEqual([[], []]);
});

test("a plugin may train on some of them; groups of further rounds come to those of the first", async () => {
  const seen: number[] = [];
  const { beside, rounds } = await collect(
    (run) => {
      run.auxiliary.register({
        ...echo,
        prompt: ({ prompt }) => ({ prompt: "a", system: null, pictures: prompt.pictures }),
      });
      choosing(run, ({ beside = [] }) => {
        seen.push(beside.length);
        return { beside: beside.filter(({ key }) => key.endsWith("/0")) };
      });
    },
    { promptsPerRound: 2 },
  );
  expect(rounds).toBe(2);
  // Two prompts of three responses, then two kept of these and six new ones.
  expect(seen).toEqual([6, 8]);
  expect(beside).toHaveLength(4);
});

test("a prompt that cannot be trained on is left out and said, and its response has no answers", async () => {
  const long = await collect(
    ({ auxiliary, hooks }) => {
      auxiliary.register({
        ...echo,
        prompt: ({ prompt, response }) => ({
          prompt: response.index === 0 ? "abcdefabcdef" : "a",
          system: null,
          pictures: prompt.pictures,
        }),
      });
      hooks.rewards.tapPromise("TapPlugin", async (rewards, group) =>
        group.role === "echo" ? rewards : group.auxiliary("echo").map((own) => own.length),
      );
    },
    { maxPromptTokens: 6 },
  );
  for (const { samples } of long.groups) expect(samples.map(({ reward }) => reward)).toEqual([0, 2, 2]);
  expect(long.skipped).toHaveLength(4);
  expect(long.skipped[0]).toMatch(
    /^the prompt of "echo" made of response 0 to row ".": Row "." has a prompt of \d+ tokens, maxPromptTokens is 6$/,
  );
  const marked = await collect(({ auxiliary }) =>
    auxiliary.register({
      ...echo,
      prompt: ({ prompt }) => ({ prompt: "<image> <image>", system: null, pictures: prompt.pictures }),
    }),
  );
  expect(marked.made).toEqual([]);
  expect(marked.skipped[0]).toContain("has 2 <image> marks and 0 pictures");
});

test("a group that a failing scorer leaves out is not trained on, the response that it was made of is", async () => {
  const fails = new ScorerPlugin({
    onFailure: "drop",
    score: ({ prompt }) => (prompt.key.includes("/echo/1") ? NaN : 1),
  });
  const { groups, made } = await collect(({ auxiliary }) => auxiliary.register(echo), {}, fails);
  expect(groups).toHaveLength(4);
  expect(made.some(({ key }) => key.endsWith("/echo/1"))).toBe(false);
});

test.each<[string, (run: Run) => void, RegExp]>([
  [
    "a group of the step's own",
    (run) => choosing(run, ({ groups }) => ({ groups: groups.slice(1), beside: groups.slice(0, 1) })),
    /the group "." beside the step's; only carried ones and those of trained auxiliary rollouts stand there/,
  ],
  [
    "a carried group without room",
    (run) => choosing(run, ({ groups }) => ({ beside: [carriedGroup(groups[0]!, 0)] })),
    /1 carried groups beside the step's, and there is room for 0: ask for it with keptGroups\(\{ atMost, beside \}\)/,
  ],
  [
    "one that is chosen already",
    (run) => {
      run.keptGroups({ atMost: 2, beside: 2 });
      choosing(run, ({ groups }) => ({ groups: [carriedGroup(groups[0]!, 0)], beside: [carriedGroup(groups[0]!, 0)] }));
    },
    /the group ". \(step 0\)" twice/,
  ],
  ["no list", (run) => choosing(run, () => ({ beside: 3 as never })), /a selection whose groups beside are 3/],
])("%s beside is an error that says so", async (_, apply, message) => {
  await expect(collect(apply)).rejects.toThrow(message);
});

test("one that is trained on is sampled at the run's temperature", () => {
  expect(() =>
    createHost([new TapPlugin(({ auxiliary }) => auxiliary.register({ ...echo, temperature: 0.5 }))], { seed: 1 }),
  ).toThrow(
    'registers the auxiliary rollout "echo" as trained, with the temperature 0.5; what is trained on is sampled at the run\'s temperature: leave it out',
  );
});

test("groups beside make no minibatch: they are dealt to those of the step's own", () => {
  const groups = Array.from({ length: 9 }, () => ({}) as Group);
  const groupOf = Int32Array.from({ length: 18 }, (_, row) => row >> 1);
  const random = createRandom(1);
  const rows = minibatchRows({ groups, groupOf, beside: 5 }, 2, random);
  const dealt = rows.map((own) => [...new Set(own.map((row) => groupOf[row]!))]);
  expect(
    dealt.map((own) => [own.filter((group) => group < 4).length, own.filter((group) => group >= 4).length]),
  ).toEqual([
    [2, 3],
    [2, 2],
  ]);
  expect(dealt.flat().sort()).toEqual([...groups.keys()]);
  const alone = minibatchRows({ groups: groups.slice(0, 4), groupOf: groupOf.slice(0, 8) }, 2, random);
  expect(dealt.map((own) => own.filter((group) => group < 4))).toEqual(
    alone.map((own) => [...new Set(own.map((row) => groupOf[row]!))]),
  );
});

/** Trains each step on a group of the step before too, and says what the learner saw of it. */
class ReplayPlugin implements Plugin {
  readonly name = "ReplayPlugin";
  readonly batches: {
    readonly kept: number[];
    readonly sampled: number[];
    readonly now: number[];
    readonly beside: number;
  }[] = [];

  apply({ hooks, keptGroups }: Run): void {
    const cell = keptGroups({ atMost: 1, beside: 1 });
    hooks.groups.tapPromise(this.name, async (selection, { step }) => {
      const beside = [...cell.value];
      cell.value = [carriedGroup(selection.groups[0]!, step, { oldLogProbs: "sampled" })];
      return { ...selection, beside };
    });
    hooks.terms.tap(this.name, (terms, batch) => {
      const rows = batch.samples.flatMap((_, row) =>
        batch.groups[batch.groupOf[row]!]!.carried === true ? [row] : [],
      );
      const of = (tensor: Batch["mask"]): number[] =>
        rows.flatMap((row) =>
          [...tensor.dataSync()].slice(row * batch.T, row * batch.T + batch.samples[row]!.response.tokens.length),
        );
      this.batches.push({
        kept: of(batch.oldLogProbs),
        sampled: rows.flatMap((row) => [...batch.samples[row]!.response.logProbs]),
        now: of(batch.logProbs),
        beside: rows.length,
      });
      return terms;
    });
  }
}

test("the ratio of a kept group is against what it was sampled with; it alone is scored again", async () => {
  const [replay, policy] = [new ReplayPlugin(), tabularPolicy()];
  let scored = 0;
  const bySteps: number[] = [];
  const own = policy.learner.score.bind(policy.learner);
  Object.assign(policy.learner, {
    score: (...args: Parameters<typeof own>) => ((scored += args[0].rows.length), own(...args)),
  });
  const metrics: Readonly<Record<string, number>>[] = [];
  await train({
    policy,
    dataset: letterRows,
    plugins: [new ScorerPlugin(), new BanditPlugin(), replay],
    output: temporaryFolder(),
    settings: { ...banditSettings, steps: 3, checkpointEvery: 0 },
    onEvents: (events) =>
      events.on("step", (summary) => {
        metrics.push(summary.metrics);
        bySteps.push(scored);
      }),
  });
  const [, second, third] = replay.batches;
  expect(replay.batches.map(({ beside }) => beside)).toEqual([0, 6, 6]);
  for (const { kept, sampled, now } of [second!, third!]) {
    kept.forEach((value, place) => expect(value).toBeCloseTo(sampled[place]!, 6));
    expect(Math.max(...kept.map((value, place) => Math.abs(value - now[place]!)))).toBeGreaterThan(1e-3);
  }
  expect(metrics.map((step) => step["rollout/groups_beside"])).toEqual([0, 1, 1]);
  expect(metrics.every((step) => step["rollout/parity_max"]! < 1e-5)).toBe(true);
  expect(bySteps.map((sum) => sum - bySteps[0]!)).toEqual([0, 6, 12]);
});

import { rmSync } from "node:fs";
import { expect, test } from "vitest";
import {
  carriedGroup,
  createHost,
  parseSettings,
  train,
  type Group,
  type Plugin,
  type RunSettingsInput,
  type ScoreRequest,
} from "@papo/core";
import { EntropyPenaltyPlugin, NoisyRolloutPlugin, DiffusionNoisePlugin, SecondHopRewardPlugin } from "@papo/plugins";
import { dapo, grpo, papo } from "@papo/recipes";
import { checkCapabilities, planLines } from "../../../core/pipeline/plan.ts";
import { planRollout } from "../../../core/pipeline/step/collect.ts";
import type { LearnerBatch, LearnerCapabilities } from "../../../core/learner/learner.ts";
import { BanditPlugin, letterRows, ScorerPlugin, TapPlugin, temporaryFolder } from "../../support/bandit.ts";
import { tabularPolicy } from "../../support/tabular-policy.ts";

const capabilities = { outputs: ["logProbs"], attention: false, parameters: 1_000_000, trained: 500_000 } as const;

/** The plan of the first step. */
function planOf(plugins: readonly Plugin[], changes: RunSettingsInput = {}): string[] {
  const settings = parseSettings({ promptsPerStep: 16, samplesPerPrompt: 8, promptsPerMinibatch: 8, ...changes });
  const host = createHost(plugins, { seed: 1 });
  const context = { step: 1, steps: 10 };
  host.beginStep(context);
  return planLines(host, planRollout(context, { host, settings }), settings, capabilities, null);
}

test("the plan says what the learner holds and how often a step's responses go through it", () => {
  expect(planOf(papo(grpo({ referenceKl: 0.01 })))).toEqual([
    "model: 1,000,000 parameters, 500,000 numbers trained",
    // Reference and masked once, old by the sampler; the original again for the second minibatch. One backward pass.
    "cost of a step: 128 responses sampled, scored 2.5 times, learned from 1 time, in 2 updates",
  ]);
  expect(planOf(papo(grpo({ referenceKl: 0 }), { mode: "paper" }))[1]).toContain(
    "scored 1.5 times, learned from 2 times, in 2 updates",
  );
  // Half of the responses' masked pass.
  expect(planOf(papo(grpo({ referenceKl: 0 }), { maskedShare: 0.5 }))[1]).toContain(
    "128 responses sampled, scored 1 times, learned from 1 time",
  );
});

test("plugins that choose, add or sample otherwise are named with what is known before they have", () => {
  expect(planOf(dapo())[1]).toMatch(
    /^cost of a step: 128 responses sampled, 128 more in each further round that DynamicSamplingPlugin may ask for, 20 rounds at most; what DynamicSamplingPlugin keeps, replays or adds, 16 groups \(128 responses\) where the step is full, scored 0\.5 times, learned from 1 time, in 2 updates; groups of other steps among them are scored once more$/,
  );
  // Twice the responses, from two views: the sampler's log-probs are not those of the original one.
  expect(
    planOf([...grpo({ referenceKl: 0 }), new DiffusionNoisePlugin(), new NoisyRolloutPlugin()], {
      samplesPerPrompt: 4,
    })[1],
  ).toMatch(/^cost of a step: \d+ responses sampled, scored 1\.5 times/);
  expect(
    planOf([
      ...grpo({ referenceKl: 0 }),
      new TapPlugin(({ hooks }) => hooks.prompts.tapPromise("TapPlugin", (rows) => Promise.resolve(rows))),
    ])[1],
  ).toContain("128 responses sampled, if TapPlugin leaves the number of rows as it is,");
  const hop = new SecondHopRewardPlugin({
    open: "<think>",
    close: ";",
    prompt: "{description} ; {question}",
    missing: "nothing",
  });
  expect(planOf([hop, ...grpo({ referenceKl: 0 })])[1]).toMatch(
    /128 responses sampled, and what \S+ samples from prompts made of them, scored/,
  );
});

/** What the plan's last line says of a run, and what went through the learner in its last step, in responses. */
async function costOf(
  plugin: Plugin,
  settings: RunSettingsInput,
): Promise<{ line: string; sampled: number; scored: number; learned: number; updates: number }> {
  const output = temporaryFolder();
  const policy = tabularPolicy();
  const learner = policy.learner as ReturnType<typeof tabularPolicy>["learner"] & { step(...args: unknown[]): unknown };
  let counts = { sampled: 0, scored: 0, learned: 0, updates: 0 };
  let line = "";
  const counted = (key: "scored" | "learned", verb: "score" | "backward"): void => {
    const own = (learner[verb] as (...args: unknown[]) => unknown).bind(learner);
    Object.assign(learner, {
      [verb]: (batch: LearnerBatch, ...rest: unknown[]) => {
        counts[key] += batch.rows.length;
        return own(batch, ...rest);
      },
    });
  };
  counted("scored", "score");
  counted("learned", "backward");
  const step = learner.step.bind(learner) as (...args: unknown[]) => unknown;
  Object.assign(learner, {
    step: (...args: unknown[]) => {
      counts.updates++;
      return step(...args);
    },
  });
  const last = new TapPlugin(({ hooks }) =>
    hooks.stepped.tapPromise("TapPlugin", ({ step: done }) => {
      if (done === 1) counts = { sampled: 0, scored: 0, learned: 0, updates: 0 };
      return Promise.resolve(undefined);
    }),
  );
  Object.defineProperty(last, "name", { value: "LastPlugin" });
  await train({
    policy,
    plugins: [new ScorerPlugin(), new BanditPlugin(), plugin],
    dataset: letterRows,
    output,
    settings: {
      steps: 2,
      promptsPerStep: 4,
      samplesPerPrompt: 6,
      learningRate: 0.1,
      checkpointEvery: 0,
      sampling: { maxNewTokens: 3 },
      ...settings,
    },
    onEvents: (events) => {
      events.on("plan", ({ lines }) => (line = lines.find((one) => one.startsWith("cost of a step")) ?? line));
      events.on("response", () => counts.sampled++);
      events.on("step", ({ step: done }) => {
        if (done === 1) counts = { sampled: 0, scored: 0, learned: 0, updates: 0 };
      });
    },
  });
  rmSync(output, { recursive: true });
  return { line, ...counts };
}

const asks = (...requests: Parameters<Parameters<Plugin["apply"]>[0]["scores"]["request"]>[0][]): Plugin =>
  new TapPlugin(({ scores }) => requests.forEach((request) => scores.request(request)));

test.each<[string, Plugin, RunSettingsInput]>([
  ["nothing asked for", asks(), {}],
  ["minibatches, the last of them smaller", asks(), { promptsPerMinibatch: 3 }],
  ["two epochs", asks(), { promptsPerMinibatch: 2, epochs: 2 }],
  [
    "the reference, two of its outputs in one pass",
    asks({ weights: "reference" }, { weights: "reference", output: "entropy" }),
    {},
  ],
  [
    "an old entropy, whose pass gives the old log-probs too",
    asks({ weights: "old", output: "entropy" }),
    { promptsPerMinibatch: 2 },
  ],
  ["a current entropy", asks({ weights: "current", output: "entropy" }), { promptsPerMinibatch: 2 }],
  ["half of the responses", asks({ weights: "reference", share: 0.5 }), {}],
  ["the learner's old log-probs", asks(), { oldLogProbs: "learner", promptsPerMinibatch: 2 }],
  [
    "other numbers of responses",
    new TapPlugin(({ hooks }) =>
      hooks.rollout.tap("TapPlugin", (plan) => ({ ...plan, shares: [{ view: "original", count: 2 }] })),
    ),
    {},
  ],
])("with %s, the plan is what the learner is asked for", async (_, plugin, settings) => {
  const { line, sampled, scored, learned, updates } = await costOf(plugin, settings);
  const [, plannedSampled, plannedScored, plannedLearned, plannedUpdates] =
    /(\d+) responses sampled, scored ([\d.]+) times, learned from ([\d.]+) times?, in (\d+) update/
      .exec(line)!
      .map(Number);
  expect([plannedSampled, plannedLearned! * sampled, plannedUpdates]).toEqual([sampled, learned, updates]);
  expect(
    Math.abs(plannedScored! - scored / sampled),
    `${line}; ${scored} rows of ${sampled} were scored`,
  ).toBeLessThanOrEqual(0.05);
});

test("a replay of old groups costs what the plan says that it may", async () => {
  let kept: readonly Group[] = [];
  const replay = new TapPlugin(({ hooks }) =>
    hooks.groups.tapPromise("TapPlugin", ({ groups, ...selection }, { step }) => {
      const own = groups.slice(0, groups.length - kept.length);
      const chosen = [...kept, ...own];
      kept = groups.slice(0, 2).map((group) => ({ ...group, key: `${group.key} (step ${step})`, carried: true }));
      return Promise.resolve({ ...selection, groups: chosen });
    }),
  );
  const { line, sampled, scored, learned } = await costOf(replay, {});
  expect(line).toBe(
    "cost of a step: 24 responses sampled, 24 more in each further round that TapPlugin may ask for, 20 rounds at most; what TapPlugin keeps, replays or adds, 4 groups (24 responses) where the step is full, scored 0 times, learned from 1 time, in 1 update; groups of other steps among them are scored once more",
  );
  expect([sampled, scored, learned]).toEqual([24, 12, 24]);
});

test("what is trained on beside a step's own groups costs what the plan says", async () => {
  let kept: readonly Group[] = [];
  const replay = new TapPlugin(({ hooks, keptGroups }) => {
    keptGroups({ atMost: 8, beside: 2 });
    hooks.groups.tapPromise("TapPlugin", (selection, { step }) => {
      const beside = kept;
      kept = selection.groups.slice(0, 2).map((group) => carriedGroup(group, step));
      return Promise.resolve({ ...selection, beside });
    });
  });
  const replayed = await costOf(replay, { promptsPerMinibatch: 2 });
  expect(replayed.line).toMatch(
    /4 groups \(24 responses\) where the step is full, scored 0\.5 times, learned from 1 time, in 2 updates; groups of other steps among them are scored once more; beside them, through the learner as often: up to 2 groups of earlier steps \(12 responses\), scored once more$/,
  );
  // 12 of the step's own and 6 that are kept for the second update, and 12 that are kept once more.
  expect([replayed.scored, replayed.learned, replayed.updates]).toEqual([30, 36, 2]);

  const second = new TapPlugin(({ auxiliary }) =>
    auxiliary.register({
      name: "second",
      samples: 3,
      trained: true,
      prompt: ({ prompt }) => ({ prompt: "a", system: null, pictures: prompt.pictures }),
    }),
  );
  const made = await costOf(second, {});
  expect(made.line).toMatch(
    /24 responses sampled, and what second samples from prompts made of them, scored 0 times, learned from 1 time, in 1 update; beside them, through the learner as often: up to 24 groups of "second" \(72 responses\)$/,
  );
  expect([made.scored, made.learned, made.updates]).toEqual([0, 96, 1]);
});

test("a learner that cannot give an output is refused before the run, naming who asks", () => {
  const host = createHost([...grpo(), new EntropyPenaltyPlugin({ estimate: "full" })], { seed: 1 });
  expect(() => {
    checkCapabilities(host.scores(), [], capabilities);
  }).toThrow(/EntropyPenaltyPlugin needs the output "entropy" .* this learner gives logProbs only/);
  expect(() => {
    checkCapabilities(host.scores(), [], { ...capabilities, outputs: ["logProbs", "entropy"] });
  }).not.toThrow();
});

test("attention to the picture is refused where a learner does not give it, or has no such layer or head", () => {
  const asking = (request: Pick<ScoreRequest, "output" | "layers" | "heads">) =>
    createHost(
      [
        ...grpo(),
        new TapPlugin(({ scores }) => void scores.request({ weights: "current", gradient: true, ...request })),
      ],
      { seed: 1 },
    ).scores();
  const check = (request: Parameters<typeof asking>[0], outputs: LearnerCapabilities["outputs"]) => () => {
    checkCapabilities(asking(request), [], { ...capabilities, outputs, decoder: { layers: 4, heads: 6 } });
  };
  expect(check({ output: "pictureAttention", layers: [-1] }, ["logProbs"])).toThrow(
    'TapPlugin needs the output "pictureAttention(-1)" of the view "original", and this learner gives logProbs only',
  );
  const gives = ["logProbs", "pictureAttention", "pictureAlignment"] as const;
  expect(check({ output: "pictureAttention", layers: [-4, 3], heads: [5] }, gives)).not.toThrow();
  expect(check({ output: "pictureAttention", layers: [0, 4] }, gives)).toThrow(
    "TapPlugin: pictureAttention is asked of layer 4; the model has 4 layers, 0 to 3, or −1 for the last",
  );
  expect(check({ output: "pictureAlignment", layers: "all", heads: [-7] }, gives)).toThrow(
    "TapPlugin: pictureAlignment is asked of head -7; the model has 6 heads",
  );
});

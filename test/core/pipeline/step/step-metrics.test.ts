import { expect, test } from "vitest";
import type { Run } from "../../../../core/contracts/plugin.ts";
import { createHost, makeGroup, makeSample } from "../../../../core/testing.ts";
import { besideMetrics, learnerMetrics, rolloutMetrics } from "../../../../core/pipeline/step/step-metrics.ts";
import { TapPlugin } from "../../../support/bandit.ts";

const sample = (index: number, reward: number, logProbs: number[], finish: "stop" | "length") => {
  const made = makeSample({ prompt: "row", index, length: logProbs.length, reward });
  return {
    ...made,
    parts: { accuracy: reward / 2 },
    response: { ...made.response, finish, logProbs: Float32Array.from(logProbs) },
  };
};

test("rewards, lengths and spread are over all groups that were sampled", () => {
  const flat = makeGroup({ key: "flat", samples: [sample(0, 1, [-1, -1], "stop"), sample(1, 1, [-1], "stop")] });
  const mixed = makeGroup({
    key: "mixed",
    samples: [sample(0, 2, [-0.5], "length"), sample(1, 0, [-0.5, -2, -1, -3], "stop")],
  });
  expect(
    rolloutMetrics({
      sampled: [flat, mixed],
      dropped: [flat],
      groups: [mixed],
      surplus: 0,
      rounds: 2,
      plan: { shares: [], maxNewTokens: 4 },
      auxiliary: [],
      beside: [],
      made: [],
      skippedRows: 3,
      scorerFailures: 4,
    }),
  ).toEqual({
    "reward/mean": 1,
    "reward/std": Math.sqrt(0.5),
    "reward/part/accuracy": 0.5,
    "reward/failures": 4,
    "rollout/length": 2,
    "rollout/truncated": 0.25,
    "rollout/entropy": 10 / 8,
    "rollout/groups_with_spread": 0.5,
    "rollout/groups_sampled": 2,
    "rollout/groups_kept": 1,
    "rollout/groups_dropped": 1,
    "rollout/rounds": 2,
    "data/skipped": 3,
  });
});

test("what is trained on beside a step's own groups is counted where a recipe asks for such, rewards and lengths by role", () => {
  const group = {
    ...makeGroup({ key: "row/solver/0", samples: [sample(0, 1, [-1, -1], "stop"), sample(1, 0, [-1], "stop")] }),
    role: "solver",
  };
  const prompt = (): null => null;
  const recipe = (apply: (run: Run) => void) => createHost([new TapPlugin(apply)], { seed: 1 });
  expect(
    besideMetrics(
      { beside: [], made: [] },
      recipe(({ auxiliary }) => auxiliary.register({ name: "hop", prompt })),
    ),
  ).toEqual({});
  expect(
    besideMetrics(
      { beside: [group], made: [] },
      recipe(({ keptGroups }) => keptGroups({ atMost: 1, beside: 1 })),
    ),
  ).toEqual({ "rollout/groups_beside": 1 });
  expect(
    besideMetrics(
      { beside: [], made: [group] },
      recipe(({ auxiliary }) => auxiliary.register({ name: "solver", prompt, trained: true })),
    ),
  ).toEqual({ "rollout/groups_beside": 0, "role/solver/reward": 0.5, "role/solver/length": 1.5 });
});

test("losses and gradient norms are means over the updates, skipped ones are counted", () => {
  const update = (value: number, skipped: boolean) => ({
    loss: {
      loss: 2 * value,
      terms: {
        policy: { value, weighted: 2 * value, factor: 2, plugin: "P", norm: value / 10, cosine: 1, share: value / 4 },
      },
      gradients: {},
    },
    gradientNorm: value * 10,
    skipped,
    parity: null,
  });
  const parity = { max: 0.5, mean: 0.25, worst: { sample: 0, token: 0 } };
  expect(
    learnerMetrics({ updates: [update(1, false), update(3, true)], learningRate: 0.1, current: new Map() }, parity),
  ).toEqual({
    "rollout/parity_max": 0.5,
    "rollout/parity_mean": 0.25,
    "loss/total": 4,
    "loss/policy": 2,
    "ledger/policy/weighted": 4,
    "ledger/policy/factor": 2,
    "ledger/policy/norm": 0.2,
    "ledger/policy/cosine": 1,
    "ledger/policy/share": 0.5,
    "learner/gradient_norm": 20,
    "learner/learning_rate": 0.1,
    "learner/updates": 2,
    "learner/skipped_updates": 1,
  });
});

/** Plugins that change or free what they are given, in any step. */
import { ones, zeros, type Tensor2D } from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import type { Minibatch } from "../../../../core/contracts/step/batch.ts";
import type { Row } from "../../../../core/contracts/step/row.ts";
import { createHost, lossOf } from "../../../../core/testing.ts";
import { TapPlugin } from "../../../support/bandit.ts";
import { group, messageOf, minibatch, samples, tapped, term, type HookName } from "../../../support/hook-mistakes.ts";

describe("what a tap is given", () => {
  const changes: readonly (readonly [string, HookName, (...args: never[]) => unknown, string])[] = [
    ["a list, sorted", "rewards", async (rewards: number[]) => rewards.sort((a, b) => b - a), "return a new value"],
    [
      "a list, pushed to",
      "terms",
      (terms: object[], batch: Minibatch) => (terms.push(term(batch)), terms),
      "return a new value",
    ],
    ["a list of rows, cut", "prompts", async (rows: Row[]) => (rows.pop(), rows), "return a new value"],
    [
      "a plan's field",
      "rollout",
      (plan: { maxNewTokens: number }) => ((plan.maxNewTokens = 1), plan),
      "return a new value",
    ],
    ["a plan's shares", "rollout", (plan: { shares: object[] }) => (plan.shares.pop(), plan), "return a new value"],
    [
      "a selection's groups",
      "groups",
      async (selection: { groups: object[] }) => (selection.groups.pop(), selection),
      "return a new value",
    ],
    [
      "a summary's metrics",
      "stepped",
      async (summary: { metrics: Record<string, number> }) => ((summary.metrics["reward/mean"] = 2), undefined),
      "return a new value",
    ],
    [
      "how a run ended",
      "ended",
      async (ending: { reason: string | null }) => ((ending.reason = "other"), undefined),
      "return a new value",
    ],
    [
      "a batch's field",
      "terms",
      (terms: object[], batch: { advantages: unknown }) => ((batch.advantages = batch), terms),
      "return a new value",
    ],
    [
      "rewards of samples",
      "advantages",
      (zero: Tensor2D, { samples: [sample] }: { samples: [{ reward: number }] }) => (sample.reward++, zero),
      'it changed "batch.samples" in place',
    ],
    [
      "tokens' log-probs",
      "advantages",
      (zero: Tensor2D, batch: Minibatch) => ((batch.samples[0]!.response.logProbs[1]! += 1), zero),
      'it changed "batch.samples" in place',
    ],
    [
      "tokens",
      "terms",
      (terms: object[], batch: Minibatch) => ((batch.samples[2]!.response.tokens[0]! += 1), terms),
      'it changed "batch.samples" in place',
    ],
    [
      "the groups of rows",
      "advantages",
      (zero: Tensor2D, batch: Minibatch) => ((batch.groupOf[0] = 1), zero),
      'it changed "batch.groupOf" in place',
    ],
    [
      "a group's samples",
      "rewards",
      async (rewards: number[], { samples: [sample] }: { samples: [{ reward: number }] }) => (sample.reward++, rewards),
      'it changed "group.samples" in place',
    ],
    [
      "a row's fields",
      "prompts",
      async (rows: { fields: Record<string, unknown> }[]) => ((rows[0]!.fields["level"] = 3), rows),
      'it changed "rows" in place',
    ],
    [
      "a tensor, disposed",
      "terms",
      (terms: object[], batch: Minibatch) => (batch.oldLogProbs.dispose(), terms),
      'it disposed "batch.oldLogProbs"',
    ],
    [
      "its first argument, disposed",
      "weights",
      (weights: Tensor2D) => (weights.dispose(), ones([3, 2])),
      'it disposed "weights"',
    ],
  ];
  it.each(changes)("cannot be changed in place: %s", async (_name, hook, fn, message) => {
    const before = samples.map(({ reward, response: { logProbs, tokens } }) => ({
      reward,
      logProbs: logProbs.slice(),
      tokens: tokens.slice(),
    }));
    const found = await messageOf(hook, fn);
    samples.forEach((sample, index) => {
      sample.reward = before[index]!.reward;
      sample.response.logProbs.set(before[index]!.logProbs);
      sample.response.tokens.set(before[index]!.tokens);
    });
    expect(found).toMatch(new RegExp(`^TapPlugin failed in hook "${hook}": `));
    expect(found).toContain(message);
  });

  it("is numbers of its own where they are read, of what shares the buffer too", () => {
    const edits = new TapPlugin(({ hooks }) => {
      hooks.terms.tap("TapPlugin", (terms, batch) => {
        for (const tensor of [
          batch.logProbs,
          batch.mask,
          batch.oldLogProbs,
          batch.advantages,
          batch.mask.clone(),
          batch.logProbs.reshape([-1]),
        ])
          tensor.dataSync().fill(9);
        return [...terms, { name: "mine", value: batch.logProbs, reduction: "token_mean" }];
      });
    });
    expect(lossOf([edits], { logProbs: [[-1, -3]] }).loss).toBe(-2);
  });

  it("goes on to others as it was returned, whatever its maker does with it afterwards", async () => {
    const own = [5, 6, 7];
    const host = tapped("rewards", () => Promise.resolve(own));
    const result = await host.hooks.rewards.promise([0, 1, 2], group);
    own[0] = 100;
    expect(result).toEqual([5, 6, 7]);
  });

  it("is looked at in every step", () => {
    const host = tapped("advantages", (zero: Tensor2D, batch: Minibatch) => {
      if (batch.step > 6) batch.samples[1]!.response.logProbs[0]! -= 1;
      return zero;
    });
    const call = (step: number): void => {
      host.beginStep({ step, steps: 10 });
      host.hooks.advantages.call(zeros([3, 2]), { ...minibatch(host), step });
    };
    for (let step = 1; step <= 6; step++) call(step);
    expect(() => call(7)).toThrow('it changed "batch.samples" in place');
    samples[1]!.response.logProbs[0] = 0;
  });

  it("is held against what the tap before left", () => {
    class SecondPlugin extends TapPlugin {
      override readonly name = "SecondPlugin" as never;
    }
    let edits = true;
    const host = createHost(
      [
        new TapPlugin(({ hooks }) => hooks.advantages.tap("TapPlugin", (zero) => zero)),
        new SecondPlugin(({ hooks }) =>
          hooks.advantages.tap("SecondPlugin", (zero, batch) => {
            if (edits) batch.groupOf[2] = 1;
            return zero;
          }),
        ),
      ],
      { seed: 1, givenViews: ["dark"] },
    );
    const batch = minibatch(host);
    expect(() => host.hooks.advantages.call(zeros([3, 2]), batch)).toThrow(
      /^SecondPlugin failed in hook "advantages": it changed "batch\.groupOf" in place/,
    );
    // What changed between two calls is nobody's tap.
    edits = false;
    batch.groupOf[2] = 0;
    samples[0]!.reward = 5;
    expect(() => host.hooks.advantages.call(zeros([3, 2]), batch)).not.toThrow();
    samples[0]!.reward = 0;
  });
});

import { createHost } from "@papo/core";
import { computeLoss, makeGroup, makeSample } from "@papo/core/testing";
import { ClippedObjectivePlugin, RationaleLikelihoodPlugin } from "@papo/plugins";
import { describe, expect, it } from "vitest";
import { tabularProcessor } from "../../support/tabular-policy.ts";

const sampleOf = (text: string, index: number, finish: "stop" | "length" = "stop") => {
  const made = makeSample({ index, text, finish, answer: "f" });
  return { ...made, response: { ...made.response, tokens: tabularProcessor.encodeText(text) } };
};

describe("RationaleLikelihoodPlugin", () => {
  const options = { until: "de", target: "d{answer}", kl: 0.5 };

  it("scores the right answer after the rationale, which ends before the mark's first token, or before the stop", () => {
    const [gold] = createHost([new RationaleLikelihoodPlugin(options)], { seed: 1 }).scores("rewards");
    const of = (text: string, finish: "stop" | "length" = "stop") =>
      gold!.target!.of(sampleOf(text, 0, finish), tabularProcessor);
    expect(of("abcdea").given).toBe(3);
    expect([...of("abcdea").tokens]).toEqual([...tabularProcessor.encodeText("df")]);
    expect([of("abc").given, of("abc", "length").given, of("dea").given]).toEqual([2, 3, 0]);
  });

  it("gives Σ log π of the answer less β·KL of the rationale, and twice the group's mean for a response that was cut", async () => {
    const host = createHost([new RationaleLikelihoodPlugin(options)], { seed: 1 });
    host.beginStep({ step: 1, steps: 2 });
    const samples = [sampleOf("abde", 0), sampleOf("abc", 1, "length")];
    for (const { target } of host.scores("rewards")) for (const sample of samples) target?.of(sample, tabularProcessor);
    const scores = {
      "original/old/logProbs/gold": [
        [-1, -2],
        [-0.5, -0.5],
      ],
      "original/old/logProbs": [
        [-1, -1, -9, -9],
        [-1, -1, -1],
      ],
      "original/reference/logProbs": [
        [-2, -1, 0, 0],
        [-1, -3, -1],
      ],
    };
    // The first rationale is "ab": its KL is 1; the second is cut, and is rationale throughout: KL 2. Mean likelihood
    // (−3 − 1) / 2.
    expect(await host.hooks.rewards.promise([0, 0], makeGroup({ samples, scores }))).toEqual([-3 - 0.5, 2 * -2 - 1]);
  });

  it("trains the rationale's tokens alone", () => {
    const host = createHost(
      [
        new RationaleLikelihoodPlugin(options),
        new ClippedObjectivePlugin({ reduction: "sequence_sum", dualClip: null }),
      ],
      { seed: 1 },
    );
    host.beginStep({ step: 1, steps: 2 });
    const samples = [sampleOf("abde", 0), sampleOf("ab", 1, "length")];
    for (const { target } of host.scores("rewards")) for (const sample of samples) target?.of(sample, tabularProcessor);
    const [B, T] = [2, 4];
    const logProbs = new Float32Array(B * T).fill(-1);
    const { gradients } = computeLoss(host, {
      step: 1,
      samples,
      groups: [],
      groupOf: new Int32Array(B),
      B,
      T,
      mask: Float32Array.of(1, 1, 1, 1, 1, 1, 0, 0),
      oldLogProbs: logProbs,
      logProbs,
      scores: new Map(),
      advantages: new Float32Array(B * T).fill(1),
      maxNewTokens: 4,
    });
    expect([...gradients["original"]!.logProbs!]).toEqual([-0.5, -0.5, 0, 0, -0.5, -0.5, 0, 0]);
  });
});

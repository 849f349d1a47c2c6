import type { Plugin, Run } from "@papo/core";
import { lossOf } from "@papo/core/testing";
import { ClippedObjectivePlugin } from "@papo/plugins";
import { mul } from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";

/** One token of ratio r and advantage A; returns loss and dL/dlogπ. */
function token(
  ratio: number,
  advantage: number,
  options: ConstructorParameters<typeof ClippedObjectivePlugin>[0] = {},
) {
  const old = -2;
  const { loss, gradients, metrics } = lossOf([new ClippedObjectivePlugin(options)], {
    logProbs: [[old + Math.log(ratio)]],
    oldLogProbs: [[old]],
    advantages: [advantage],
  });
  return { loss, gradient: gradients["original"]!["logProbs"]![0]![0]!, metrics };
}

describe("ClippedObjectivePlugin", () => {
  it.each([
    // ratio, A, loss, gradient
    [1, 2, -2, -2],
    [1.1, 2, -2.2, -2.2],
    [1.5, 2, -2.4, 0],
    [0.5, 2, -1, -1],
    [0.5, -2, 1.6, 0],
    [1.5, -2, 3, 3],
    [4, -2, 6, 0],
    [1.3, 0, 0, 0],
  ])("ratio %d, advantage %d", (ratio, advantage, loss, gradient) => {
    const found = token(ratio, advantage);
    expect(found.loss).toBeCloseTo(loss, 5);
    expect(found.gradient).toBeCloseTo(gradient, 5);
  });

  it("clips high and low apart, and leaves the dual clip out on request", () => {
    expect(token(1.25, 1, { clipHigh: 0.28 }).gradient).toBeCloseTo(-1.25, 5);
    expect(token(0.75, -1, { clipLow: 0.3 }).gradient).toBeCloseTo(0.75, 5);
    expect(token(4, -2, { dualClip: null }).gradient).toBeCloseTo(8, 4);
  });

  it("holds the log-ratio", () => {
    expect(token(Math.exp(25), -1, { dualClip: null }).loss / Math.exp(20)).toBeCloseTo(1, 5);
    expect(token(Math.exp(25), -1, { dualClip: null }).gradient).toBe(0);
    expect(token(Math.exp(25), -1, { dualClip: null, logRatioClamp: null }).loss / Math.exp(25)).toBeCloseTo(1, 5);
  });

  it("reports what it clipped", () => {
    expect(token(1.5, 1).metrics).toMatchObject({ "policy/clip_high": 1, "policy/clip_low": 0, "policy/clip_dual": 0 });
    expect(token(0.5, -1).metrics).toMatchObject({
      "policy/clip_high": 0,
      "policy/clip_low": 1,
      "policy/clip_dual": 0,
    });
    expect(token(4, -1).metrics).toMatchObject({ "policy/clip_high": 0, "policy/clip_low": 0, "policy/clip_dual": 1 });
  });

  it("estimates how far the policy moved from the one that sampled: E_old[r − 1 − log r]", () => {
    expect(token(2, 1).metrics["policy/approx_kl"]).toBeCloseTo(2 - 1 - Math.log(2), 5);
  });

  it("lets other plugins weight its advantage before, and its value after the clip", () => {
    class HalvingPlugin implements Plugin {
      readonly name = "HalvingPlugin";
      readonly #slot: string;
      constructor(slot: string) {
        this.#slot = slot;
      }
      apply({ hooks }: Run): void {
        hooks.weights.tap(this.name, (weights, { term, slot }) =>
          term === "policy" && slot === this.#slot ? mul(weights, -0.5) : weights,
        );
      }
    }
    const minibatch = { logProbs: [[-2 + Math.log(1.5)]], oldLogProbs: [[-2]], advantages: [1] };
    // Before the clip the sign of the advantage turns: −min(r·(−½), …) is no longer clipped from above.
    expect(lossOf([new HalvingPlugin("before_clip"), new ClippedObjectivePlugin()], minibatch).loss).toBeCloseTo(
      0.75,
      5,
    );
    expect(lossOf([new HalvingPlugin("after_clip"), new ClippedObjectivePlugin()], minibatch).loss).toBeCloseTo(0.6, 5);
  });

  it("rejects impossible options", () => {
    expect(() => new ClippedObjectivePlugin({ dualClip: 0.5 })).toThrow(
      'ClippedObjectivePlugin: the option "dualClip" is 0.5, allowed is more than 1',
    );
    expect(() => new ClippedObjectivePlugin({ reduction: "mean" as never })).toThrow(
      'is "mean", allowed is "token_mean" or',
    );
  });
});

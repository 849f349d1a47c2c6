import "@papo/core/testing";
import { describe, expect, it } from "vitest";
import type { Experience, Sample } from "@papo/core";
import { chooseSamples, recordOf } from "../../../plugins/observe/sample-record.ts";

const sampleOf = (key: string, index: number, reward: number, logProbs: readonly number[]): Sample => {
  const row = { id: key, prompt: `question of ${key}`, system: null, images: [], answer: "8", fields: {} };
  const tokens = Int32Array.from(logProbs, (_, at) => at + 5);
  const array = Float32Array.from(logProbs);
  return {
    prompt: { key, row, pictures: [], views: new Map() },
    response: {
      index,
      segments: [{ source: "policy", tokens, text: "three" }],
      tokens,
      text: "three",
      rawText: "three",
      opening: "",
      logProbs: array,
      behaviourLogProbs: array,
      finish: "stop",
      view: "original",
    },
    views: new Map(),
    reward,
    scored: reward,
    parts: { accuracy: reward },
    notes: { accuracy: "correct" },
  };
};

describe("chooseSamples", () => {
  it("takes one response per prompt: best, worst, best, …, the first of equals", () => {
    const samples = [
      sampleOf("a", 0, 0, [-1]),
      sampleOf("a", 1, 1, [-1]),
      sampleOf("a", 2, 1, [-1]),
      sampleOf("b", 0, 1, [-1]),
      sampleOf("b", 1, 0, [-1]),
      sampleOf("c", 0, 0.5, [-1]),
      sampleOf("d", 0, 0.5, [-1]),
    ];
    expect(chooseSamples(samples, 3).map(({ sample, row }) => [sample.prompt.key, row])).toEqual([
      ["a", 1],
      ["b", 4],
      ["c", 5],
    ]);
    expect(chooseSamples(samples, 0)).toEqual([]);
  });
});

describe("recordOf", () => {
  const samples = [sampleOf("a", 0, 1, [-1, -2]), sampleOf("b", 0, 0, [-0.5, -1.5, -3])];
  const base: Experience = { step: 7, samples, T: 3, arrays: { advantages: Float32Array.of(1, 1, 0, -1, -1, -1) } };
  const record = (arrays: Experience["arrays"], row: number) =>
    recordOf({ sample: samples[row] as Sample, row }, { ...base, arrays: { ...base.arrays, ...arrays } }, [], []);

  it("cuts each array at the response's end", () => {
    expect(record({}, 0)).toMatchObject({
      step: 7,
      key: "a",
      tokens: [5, 6],
      advantages: [1, 1],
      logProbs: [-1, -2],
      perceptionKl: {},
    });
    expect(record({}, 1).advantages).toEqual([-1, -1, -1]);
  });

  it("has the entropies of the original view where they were asked for in this step", () => {
    const [old, current] = [Float32Array.of(0.5, 1, 9, 2, 3, 4), new Float32Array(6).fill(7)];
    expect(record({}, 0).entropy).toEqual([]);
    expect(record({ "masked/old/entropy": old, "original/old/entropy": new Float32Array(6) }, 0).entropy).toEqual([]);
    expect(record({ "original/current/entropy": current }, 1).entropy).toEqual([7, 7, 7]);
    expect(record({ "original/current/entropy": current, "original/old/entropy": old }, 0).entropy).toEqual([0.5, 1]);
  });

  it("gives exp(x) − x − 1 per token for the view that was scored, old weights before current ones", () => {
    const masked = Float32Array.of(-1, -2, 0, -0.5, -2.5, -3.1);
    const found = record(
      {
        "masked/current/logProbs": new Float32Array(6).fill(-9),
        "masked/old/logProbs": masked,
        "masked/old/entropy": masked,
      },
      1,
    );
    expect(Object.keys(found.perceptionKl)).toEqual(["masked"]);
    const [same, lower, little] = found.perceptionKl["masked"] ?? [];
    expect(same).toBe(0);
    expect(lower).toBeCloseTo(Math.exp(-1), 4);
    expect(little).toBeCloseTo(Math.expm1(-0.1) + 0.1, 4);
  });

  it("takes the original view for no mask, and zeros for a score that was not computed", () => {
    expect(
      record({ "original/old/logProbs": new Float32Array(6).fill(-1), "masked/old/logProbs": new Float32Array(6) }, 0)
        .perceptionKl,
    ).toEqual({});
  });
});

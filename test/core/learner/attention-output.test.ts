import { expect, test } from "vitest";
import { attentionOf, attentionOutput } from "../../../core/learner/attention-output.ts";
import { outputsIn } from "../../../core/learner/learner.ts";
import type { AttentionStatistic } from "../../../core/model/attention-statistics.ts";

test.each<[AttentionStatistic, string]>([
  [{ kind: "pictureAttention", layers: [3, 5], heads: "all" }, "pictureAttention(3,5)"],
  [{ kind: "pictureAttention", layers: "all", heads: [0, 7] }, "pictureAttention(all;0,7)"],
  [{ kind: "pictureAlignment", layers: [-2, -1], heads: [-1] }, "pictureAlignment(-2,-1;-1)"],
])("names %o as %s, and reads it back", (statistic, name) => {
  expect(attentionOutput(statistic)).toBe(name);
  expect(attentionOf(name)).toEqual(statistic);
});

test("other outputs are none of attention", () => {
  for (const output of ["logProbs", "pictureSimilarity", "jsd", "pictureAttention"])
    expect(attentionOf(output)).toBeNull();
});

test("outputs that have an array come in one order, whatever the order of the arrays", () => {
  const array = new Float32Array(1);
  const outputs = { "pictureAlignment(1)": array, jsd: array, "pictureAttention(0)": array, logProbs: array };
  expect(outputsIn(outputs)).toEqual(["logProbs", "jsd", "pictureAlignment(1)", "pictureAttention(0)"]);
});

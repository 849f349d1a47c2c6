import { expect, test } from "vitest";
import { computedBy, computedByOther } from "../../../core/checkpoint/computed-by.ts";

test("what computes a run is Node, the machine and the learner's library with its version", () => {
  const now = computedBy("onnxruntime-node 1.30.0");
  expect(now).toMatchObject({ node: process.versions.node, learner: "onnxruntime-node 1.30.0" });
  expect(now.machine).toContain(process.arch);
  expect(computedBy().learner).toBe("unknown");
});

test("a run that goes on with something else is told so, with what has changed alone", () => {
  const now = computedBy("OpenXLA, xla-cpu-pjrt 0.0.1, cpu");
  expect(computedByOther(now, { ...now })).toBeNull();
  // Runs of earlier versions do not say.
  expect(computedByOther(undefined, now)).toBeNull();
  expect(computedByOther({ ...now, node: "18.0.0", learner: "OpenXLA, jax-cuda12-pjrt 0.8.1" }, now)).toBe(
    `the run goes on with what it was not begun with (node 18.0.0 → ${process.versions.node}; learner OpenXLA, jax-cuda12-pjrt 0.8.1 → OpenXLA, xla-cpu-pjrt 0.0.1, cpu): its steps from here on may differ in rounding from those that it would have done`,
  );
});

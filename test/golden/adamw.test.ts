import { describe, expect, test } from "vitest";
import { AdamW, type AdamWSettings } from "../../core/learner/optimizer/adamw.ts";
import { type DeviceArrays, DeviceOptimizer } from "../../core/learner/optimizer/device-optimizer.ts";
import type { OptimizerState } from "../../core/learner/optimizer/optimizer.ts";
import type { Weights } from "../../core/model/model.ts";
import { deviceWeights, executors } from "../support/executors.ts";
import { goldenJson, hasPart, largestDifference, relativeError } from "./support.ts";

type Nested = number | readonly Nested[];

/** One run of make_adamw.py: two parameters, five steps. */
interface AdamWRun {
  readonly dtype: "float32" | "float64";
  readonly lr: number;
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly weight_decay: number;
  readonly clip_grad_norm: number | null;
  readonly shapes: readonly (readonly number[])[];
  readonly init: readonly Nested[];
  readonly steps: readonly {
    readonly grads: readonly Nested[];
    readonly total_norm: number;
    readonly params: readonly Nested[];
    readonly exp_avg: readonly Nested[];
    readonly exp_avg_sq: readonly Nested[];
  }[];
}

const flat = (values: Nested | undefined): Float32Array => Float32Array.from([values ?? []].flat(5) as number[]);
const runs = hasPart("adamw.json") ? (goldenJson<AdamWRun[]>("adamw.json") ?? []) : [];

const settingsOf = (run: AdamWRun): AdamWSettings => ({
  beta1: run.betas[0],
  beta2: run.betas[1],
  epsilon: run.eps,
  weightDecay: run.weight_decay,
  maxGradientNorm: run.clip_grad_norm ?? Infinity,
});

const parametersOf = (run: AdamWRun): Weights =>
  new Map(run.shapes.map((shape, i) => [`p${i}`, { shape, data: flat(run.init[i]) }]));

function expectState(
  run: AdamWRun,
  step: AdamWRun["steps"][number],
  arrays: OptimizerState["arrays"],
  parameter: (name: string) => Float32Array,
): void {
  run.shapes.forEach((_, i) => {
    expect(relativeError(arrays.get(`p${i}.exp_avg`)?.data ?? [], flat(step.exp_avg[i]))).toBeLessThan(1e-6);
    expect(relativeError(arrays.get(`p${i}.exp_avg_sq`)?.data ?? [], flat(step.exp_avg_sq[i]))).toBeLessThan(1e-6);
    // A few float32 roundings of the largest element: below the second parameter's smallest step at lr 1e-6.
    const wanted = flat(step.params[i]);
    const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    expect(largestDifference(parameter(`p${i}`), wanted)).toBeLessThan(2.5e-7 * largest);
  });
}

describe.skipIf(runs.length === 0)("AdamW against torch", () => {
  test.each(
    runs.map(
      (run) =>
        [`${run.dtype}, lr ${run.lr}, clip ${run.clip_grad_norm ?? "off"}, decay ${run.weight_decay}`, run] as const,
    ),
  )("%s", (_, run) => {
    const optimizer = new AdamW(settingsOf(run));
    const parameters = parametersOf(run);
    for (const step of run.steps) {
      const gradients = new Map(run.shapes.map((_, i) => [`p${i}`, flat(step.grads[i])]));
      const report = optimizer.update(parameters, gradients, { learningRate: run.lr });
      expect(report.skipped).toBe(false);
      expect(Math.abs(report.gradientNorm / step.total_norm - 1)).toBeLessThan(1e-6);
      expectState(run, step, optimizer.state().arrays, (name) => parameters.get(name)!.data);
    }
  });

  describe.each(
    executors.flatMap((executor) => (executor.device ? [[executor.name, executor, executor.device] as const] : [])),
  )("on the device of %s", (_, executor, device) => {
    test.each(
      runs.map(
        (run) =>
          [`${run.dtype}, lr ${run.lr}, clip ${run.clip_grad_norm ?? "off"}, decay ${run.weight_decay}`, run] as const,
      ),
    )("%s", async (_, run) => {
      const weights = deviceWeights(device, parametersOf(run));
      let optimizer = new DeviceOptimizer(settingsOf(run), executor, () => false);
      for (const [index, step] of run.steps.entries()) {
        const gradients: DeviceArrays = new Map(
          run.shapes.map((shape, i) => [`p${i}`, device.put({ shape, data: flat(step.grads[i]) })]),
        );
        const report = await optimizer.update(weights, gradients, { learningRate: run.lr });
        expect(report.skipped).toBe(false);
        expect(Math.abs(report.gradientNorm / step.total_norm - 1)).toBeLessThan(1e-6);
        const state = optimizer.state();
        expectState(run, step, state.arrays, (name) => device.get(weights.onDevice(name)));
        for (const gradient of gradients.values()) device.free(gradient);
        if (index !== 2) continue;
        await optimizer.release();
        optimizer = new DeviceOptimizer(settingsOf(run), executor, () => false);
        optimizer.restore(state);
      }
      await optimizer.release();
    });
  });
});

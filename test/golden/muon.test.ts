import { afterAll, describe, expect, test } from "vitest";
import { OnnxExecutor } from "../../core/graph/onnx/executor.ts";
import { DeviceOptimizer } from "../../core/learner/optimizer/device-optimizer.ts";
import { Muon } from "../../core/learner/optimizer/muon.ts";
import type { Weights } from "../../core/model/model.ts";
import { deviceWeights, executors } from "../support/executors.ts";
import { goldenJson, hasPart, largestDifference } from "./support.ts";

type Nested = number | readonly Nested[];
type Arrays = Readonly<Record<string, Nested>>;

/** One run of make_muon.py: two matrices and a vector, four steps. */
interface MuonRun {
  readonly lr: number;
  readonly weight_decay: number;
  readonly clip: number;
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  readonly initial: Arrays;
  readonly steps: readonly { readonly gradients: Arrays; readonly norm: number; readonly parameters: Arrays }[];
}

const flat = (values: Nested | undefined): Float32Array => Float32Array.from([values ?? []].flat(5) as number[]);
const runs = hasPart("muon.json") ? (goldenJson<MuonRun[]>("muon.json") ?? []) : [];
const optimizers: Muon[] = [];

const settingsOf = ({ weight_decay, clip }: MuonRun) => ({
  beta1: 0.9,
  beta2: 0.98,
  epsilon: 1e-8,
  weightDecay: weight_decay,
  maxGradientNorm: clip,
});
const isMatrix = (name: string): boolean => name !== "bias";

const optimizerOf = (run: MuonRun): Muon => {
  const optimizer = new Muon(settingsOf(run), new OnnxExecutor({ threads: 1 }), isMatrix);
  optimizers.push(optimizer);
  return optimizer;
};

const parametersOf = ({ shapes, initial }: MuonRun): Weights =>
  new Map(Object.entries(shapes).map(([name, shape]) => [name, { shape, data: flat(initial[name]) }]));

const gradientsOf = (gradients: Arrays): Map<string, Float32Array> =>
  new Map(Object.entries(gradients).map(([name, values]) => [name, flat(values)]));

describe.skipIf(runs.length === 0)("Muon against the same algorithm in double precision", () => {
  afterAll(async () => {
    for (const optimizer of optimizers) await optimizer.release();
  });

  test.each(runs.map((run) => [`lr ${run.lr}, clip ${run.clip}, decay ${run.weight_decay}`, run] as const))(
    "%s",
    async (_, run) => {
      const optimizer = optimizerOf(run);
      const parameters = parametersOf(run);
      for (const step of run.steps) {
        const report = await optimizer.update(parameters, gradientsOf(step.gradients), { learningRate: run.lr });
        expect(Math.abs(report.gradientNorm / step.norm - 1)).toBeLessThan(1e-6);
        for (const [name, { data }] of parameters)
          expect(largestDifference(data, flat(step.parameters[name])), name).toBeLessThan(2e-6);
      }
    },
  );

  test("goes on from a saved state to the same bits", async () => {
    const [run] = runs;
    if (!run) throw new Error("no run");
    const [whole, first, second] = [optimizerOf(run), optimizerOf(run), optimizerOf(run)];
    const [expected, resumed] = [parametersOf(run), parametersOf(run)];
    for (const [index, step] of run.steps.entries()) {
      const gradients = gradientsOf(step.gradients);
      await whole.update(expected, gradients, { learningRate: run.lr });
      if (index === 2) second.restore(first.state());
      await (index < 2 ? first : second).update(resumed, gradients, { learningRate: run.lr });
    }
    expect(resumed).toEqual(expected);
  });

  test("a gradient that is not finite changes nothing", async () => {
    const [run] = runs;
    if (!run) throw new Error("no run");
    const parameters = parametersOf(run);
    const gradients = gradientsOf(run.steps[0]?.gradients ?? {});
    (gradients.get("bias") as Float32Array)[0] = NaN;
    expect((await optimizerOf(run).update(parameters, gradients, { learningRate: 1 })).skipped).toBe(true);
    expect(parameters).toEqual(parametersOf(run));
  });

  describe.each(
    executors.flatMap((executor) => (executor.device ? [[executor.name, executor, executor.device] as const] : [])),
  )("on the device of %s", (_, executor, device) => {
    test.each(runs.map((run) => [`lr ${run.lr}, clip ${run.clip}, decay ${run.weight_decay}`, run] as const))(
      "%s",
      async (_, run) => {
        const weights = deviceWeights(device, parametersOf(run));
        const host = parametersOf(run);
        let optimizer = new DeviceOptimizer(settingsOf(run), executor, isMatrix);
        const onHost = optimizerOf(run);
        for (const [index, step] of run.steps.entries()) {
          const gradients = new Map(
            [...gradientsOf(step.gradients)].map(([name, data]) => [
              name,
              device.put({ shape: run.shapes[name]!, data }),
            ]),
          );
          const report = await optimizer.update(weights, gradients, { learningRate: run.lr });
          await onHost.update(host, gradientsOf(step.gradients), { learningRate: run.lr });
          expect(Math.abs(report.gradientNorm / step.norm - 1)).toBeLessThan(1e-6);
          for (const name of host.keys())
            expect(
              largestDifference(device.get(weights.onDevice(name)), flat(step.parameters[name])),
              name,
            ).toBeLessThan(2e-6);
          for (const gradient of gradients.values()) device.free(gradient);
          // What the host's optimizer saved, the device's goes on from.
          if (index !== 1) continue;
          const state = optimizer.state();
          expect([...state.arrays.keys()].sort()).toEqual([...onHost.state().arrays.keys()].sort());
          await optimizer.release();
          optimizer = new DeviceOptimizer(settingsOf(run), executor, isMatrix);
          optimizer.restore(onHost.state());
        }
        await optimizer.release();
      },
    );

    test("settings that are out of range are refused, as on the host", () => {
      const settings = { beta1: 1, beta2: 0.98, epsilon: 1e-8, weightDecay: 0, maxGradientNorm: 1 };
      expect(() => new DeviceOptimizer(settings, executor, isMatrix)).toThrow(
        "beta1 is 1; it must be at least 0 and below 1",
      );
    });

    test("a gradient that is not finite changes nothing, an update that is not says which parameter", async () => {
      const [run] = runs;
      if (!run) throw new Error("no run");
      const weights = deviceWeights(device, parametersOf(run));
      const optimizer = new DeviceOptimizer(settingsOf(run), executor, isMatrix);
      const gradient = (value: number) =>
        new Map([["bias", device.put({ shape: run.shapes["bias"]!, data: flat(run.initial["bias"]).fill(value) })]]);
      expect(await optimizer.update(weights, gradient(NaN), { learningRate: 1 })).toMatchObject({
        skipped: true,
        broken: null,
      });
      expect(device.get(weights.onDevice("bias"))).toEqual(flat(run.initial["bias"]));
      expect(await optimizer.update(weights, gradient(1), { learningRate: Infinity })).toMatchObject({
        skipped: false,
        broken: "bias",
      });
    });
  });
});

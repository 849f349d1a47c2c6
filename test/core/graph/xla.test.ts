import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import {
  learnerSettings,
  openPolicy,
  openPolicyInProcess,
  parseSettings,
  type OpenPolicy,
  type RunSettings,
} from "@papo/core";
import { symbol } from "../../../core/graph/dims.ts";
import { Graph } from "../../../core/graph/graph.ts";
import { affine, linear, mul } from "../../../core/graph/ops/index.ts";
import { logits } from "../../../core/graph/ops/linear.ts";
import { layer } from "../../../core/graph/ops/recompute.ts";
import { gradient } from "../../../core/graph/gradient.ts";
import { loadXla, xlaSetup } from "../../../core/graph/xla/client/plugin.ts";
import { segmentsOf } from "../../../core/graph/xla/passes/segments.ts";
import { HloWriter } from "../../../core/graph/xla/writer.ts";
import { largestDifference, relativeError } from "../../golden/support.ts";
import { sampledAndScored } from "../../support/sampled-and-scored.ts";

const folder = fileURLToPath(new URL("../../golden/cases/models/tiny", import.meta.url));
const there = xlaSetup() !== null;
const policies: OpenPolicy[] = [];
afterAll(async () => {
  for (const policy of policies) await policy.close();
});

const batch = {
  prompts: [
    { ids: Int32Array.of(5, 6, 7), pictures: [] },
    { ids: Int32Array.of(8, 9), pictures: [] },
  ],
  rows: [
    { prompt: 0, tokens: Int32Array.of(11, 12, 13) },
    { prompt: 1, tokens: Int32Array.of(14) },
  ],
  temperature: 1,
};
const array = (shape: readonly number[], first = 0) => ({
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => first + i),
});

/** Two layers that are alike, cut before each, and a value of the first that the caller wants. */
function twoLayers(): Graph {
  const graph = new Graph();
  let x = graph.input("x", [symbol("T"), 2]);
  for (const layer of [0, 1]) {
    graph.cut();
    x = mul(linear(x, graph.input(`weight.${layer}`, [2, 2])), x);
    if (layer === 0) graph.output("between", x);
  }
  graph.output("y", x);
  return graph;
}

test("a graph is cut where it says so; a segment reads what it does not compute", () => {
  const segments = segmentsOf(twoLayers());
  expect(segments.map(({ nodes }) => nodes.map(({ op }) => op.name))).toEqual([
    ["linear", "mul"],
    ["linear", "mul"],
  ]);
  expect(segments.map(({ inputs, passed, outputs }) => [inputs.length, passed.length, outputs])).toEqual([
    [2, 1, ["between"]],
    [2, 0, ["y"]],
  ]);
});

describe.skipIf(!there)("OpenXLA (where `papo setup xla` has been run)", () => {
  test("runs the segments of a graph one after the other, and frees what they leave", async () => {
    const xla = loadXla();
    const program = await xla.compile(twoLayers());
    const feeds = { x: array([1, 2], 1), "weight.0": array([2, 2]), "weight.1": array([2, 2]) };
    const { between, y } = await program.run(feeds);
    expect([[...between!.data], [...y!.data]]).toEqual([
      [2, 16],
      [2 * 16, 16 * (2 * 2 + 3 * 16)],
    ]);
    await program.release();
    xla.close();
  });

  test("arrays stay there, are shared and freed, and are known by their own executor alone", async () => {
    const xla = loadXla();
    const graph = new Graph();
    graph.output("y", affine(graph.input("x", [2]), 2));
    const program = await xla.compile(graph);
    const x = xla.device.put(array([2], 1));
    const same = xla.device.share(x);
    xla.device.free(x);
    const { y } = await program.runOnDevice!({ x: same });
    expect([...xla.device.get(y!)]).toEqual([2, 4]);
    for (const one of [same, y!]) xla.device.free(one);
    await expect(program.run({ x: same })).rejects.toThrow(
      'input "x" is an array that was freed, or one of another executor\'s device',
    );
    await program.release();
    xla.close();
  });

  test("adds to arrays and writes over them where nobody else holds them", async () => {
    const xla = loadXla();
    const graph = new Graph();
    const x = graph.input("x", [2]);
    graph.output("next", affine(x, 2));
    graph.output("sum", affine(x, 10));
    const program = await xla.compile(graph, { sums: ["sum"], replaced: { next: "x" } });
    const { device } = xla;
    const kept = device.put(array([2], 1));
    const { next, sum } = await program.runOnDevice!({ x: device.share(kept) }, { sum: device.put(array([2], 100)) });
    expect([kept, next!, sum!].map((one) => [...device.get(one)])).toEqual([
      [1, 2],
      [2, 4],
      [110, 121],
    ]);
    const alone = await program.runOnDevice!({ x: next! }, { sum: sum! });
    expect([alone["next"]!, alone["sum"]!, kept].map((one) => [...device.get(one)])).toEqual([
      [4, 8],
      [130, 161],
      [1, 2],
    ]);
    await expect(program.runOnDevice!({ x: next! }, { sum: sum! })).rejects.toThrow(
      'input "x" is an array that was freed',
    );
    expect((device as unknown as { arrays: number }).arrays).toBe(3);
    xla.close();
  });

  test("fills arrays on the device: equal seeds are equal numbers, of the deviation asked for", () => {
    const xla = loadXla();
    const made = [1, 1, 2].map((seed) => xla.device.get(xla.device.random!([40, 50], { deviation: 0.5, seed })));
    expect(made[0]).toEqual(made[1]);
    expect(made[0]).not.toEqual(made[2]);
    const mean = made[0]!.reduce((a, b) => a + b, 0) / 2000;
    expect(Math.abs(mean)).toBeLessThan(0.05);
    expect(Math.sqrt(made[0]!.reduce((a, b) => a + b * b, 0) / 2000)).toBeCloseTo(0.5, 1);
    expect([...xla.device.get(xla.device.filled!([3], 7))]).toEqual([7, 7, 7]);
    xla.close();
  });

  test("layers that are alike are compiled once, forward and back, and by another process not at all", async () => {
    const cache = mkdtempSync(join(tmpdir(), "papo-xla-"));
    const counts = async (layers: number) => {
      const xla = loadXla({ cache });
      const graph = new Graph();
      const [x, one] = [graph.input("x", [symbol("T"), 4]), graph.input("one", [1])];
      const weights = Array.from({ length: layers }, (_, i) => graph.input(`weight.${i}`, [4, 4]));
      const y = weights.reduce((h, weight) => layer(h, one, (again) => mul(linear(again, weight), again)), x);
      graph.cut();
      gradient([{ value: y, cotangent: graph.input("dy", [symbol("T"), 4]) }], weights).forEach((dw, i) =>
        graph.output(`dw.${i}`, dw),
      );
      const program = await xla.compile(graph);
      const feeds = {
        x: array([2, 4]),
        dy: array([2, 4]),
        one: array([1], 1),
        ...Object.fromEntries(weights.map((_, i) => [`weight.${i}`, array([4, 4])])),
      };
      await program.run(feeds);
      xla.close();
      return xla.counts;
    };
    const [few, again, many] = [await counts(3), await counts(3), await counts(6)];
    expect(few).toMatchObject({ read: 0 });
    expect(again).toMatchObject({ compiled: 0, read: few.compiled });
    expect(many).toMatchObject({ compiled: 0, read: few.compiled });
    rmSync(cache, { recursive: true });
  });

  test("names an input whose shape does not fit, and the op that XLA does not compile", async () => {
    const xla = loadXla();
    const program = await xla.compile(twoLayers());
    await expect(
      program.run({ x: array([3, 2]), "weight.0": array([2, 3]), "weight.1": array([2, 2]) }),
    ).rejects.toThrow('input "weight.0" has the shape [2, 3]: [2, 2] is needed');
    const wrong = new Graph();
    const x = wrong.input("x", [2, 3]);
    wrong.output(
      "y",
      wrong.apply(
        { ...linear(x, wrong.input("w", [4, 3])).node.op, outputs: () => [{ shape: [2, 2], dtype: "float32" }] },
        [x, wrong.input("v", [2, 2])],
        {},
      ),
    );
    const broken = await xla.compile(wrong);
    await expect(broken.run({ x: array([2, 3]), v: array([2, 2]) })).rejects.toThrow(
      /^OpenXLA cannot compile the op "linear": /,
    );
    xla.close();
  });

  test("products in bfloat16 round their factors, sum in float32 and are kept in bfloat16, but for a head's", async () => {
    const xla = loadXla({ precision: "bfloat16" });
    const graph = new Graph();
    const [x, w] = [graph.input("x", [1, 2]), graph.input("w", [1, 2])];
    graph.output("kept", linear(x, w));
    graph.output("full", logits(x, w));
    const program = await xla.compile(graph);
    // 1 + 2⁻⁹ is 1 in bfloat16, 2¹⁰ · 1 + 1 needs more bits than bfloat16 has.
    const { kept, full } = await program.run({
      x: { shape: [1, 2], data: Float32Array.of(1 + 2 ** -9, 1) },
      w: { shape: [1, 2], data: Float32Array.of(1024, 1) },
    });
    expect([kept!.data[0], full!.data[0]]).toEqual([1024, 1025]);
    xla.close();
  });

  test("steps compute what onnxruntime's compute", async () => {
    const steps = async (executor: "onnxruntime" | "xla", devices = 1) => {
      const policy = await openPolicyInProcess({ folder, ...learnerSettings(parseSettings({ executor, devices })) });
      policies.push(policy);
      const norms: number[] = [];
      for (let step = 0; step < 2; step++) {
        for (let pass = 0; pass < 2; pass++)
          await policy.learner.backward(batch, { logProbs: Float32Array.of(1, -0.5, 2, 0.3, 0, 0) });
        norms.push((await policy.learner.step({ learningRate: 1e-4 })).gradientNorm);
      }
      return { norms, logProbs: (await policy.learner.score(batch, ["logProbs"])).logProbs! };
    };
    const onnx = await steps("onnxruntime");
    for (const xla of [await steps("xla"), await steps("xla", 2)]) {
      expect(relativeError(Float32Array.from(xla.norms), Float32Array.from(onnx.norms))).toBeLessThan(1e-4);
      expect(largestDifference(xla.logProbs, onnx.logProbs)).toBeLessThan(2e-4);
    }
  });

  test("several devices are refused by executors that have one", async () => {
    for (const executor of ["onnxruntime", "tensorflow"] as const) {
      await expect(
        openPolicyInProcess({ folder, ...learnerSettings(parseSettings({ executor, devices: 2 })) }),
      ).rejects.toThrow(`${executor} computes on one device: devices 2 needs the executor "xla"`);
    }
  });

  test("a policy's thread computes what onnxruntime computes, and samples the same tokens", async () => {
    const run = async (executor: RunSettings["executor"]) => {
      const policy = await openPolicy({ folder, threads: 1, ...learnerSettings(parseSettings({ executor })) });
      policies.push(policy);
      return sampledAndScored(policy, batch);
    };
    const [onnx, xla] = [await run("onnxruntime"), await run("xla")];
    expect(xla.tokens).toEqual(onnx.tokens);
    expect(largestDifference(xla.logProbs, onnx.logProbs)).toBeLessThan(2e-5);
  });

  test.each([
    ["ends", ""],
    ["fails", "throw new Error('on purpose');"],
    ["is told to exit", "process.exit(3);"],
  ])("a process that %s with the library open leaves cleanly", (_, end) => {
    const code = `const { loadXla } = await import(${JSON.stringify(join(import.meta.dirname, "../../../core/graph/xla/client/plugin.ts"))}); loadXla(); console.log("open"); ${end}`;
    const { status, signal, stdout } = spawnSync(
      process.execPath,
      ["--import", "tsx", "--input-type=module", "-e", code],
      { encoding: "utf8", cwd: join(import.meta.dirname, "../../..") },
    );
    expect({ signal, stdout }).toEqual({ signal: null, stdout: "open\n" });
    expect(status).toBe(end === "" ? 0 : end.startsWith("throw") ? 1 : 3);
  });
});

test("constants are written by their bits", () => {
  const hlo = new HloWriter();
  const text = hlo.module([], [hlo.constant(-Infinity), hlo.constant(1), hlo.constant(1, "bf16"), hlo.constant(-0)]);
  for (const bits of ["0xFF800000", "0x3F800000", "dense<0x3F80>", "0x80000000"]) expect(text).toContain(bits);
});

test.skipIf(there)("says what to run where it is not set up", () => {
  expect(() => loadXla()).toThrow(/OpenXLA is not set up: run `npx papo setup xla`/);
});

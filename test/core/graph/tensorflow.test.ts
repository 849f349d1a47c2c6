import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
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
import { gradient } from "../../../core/graph/gradient.ts";
import { Graph } from "../../../core/graph/graph.ts";
import { gatherRows, linear, rmsNorm, rope, silu, split, tokenLogProb } from "../../../core/graph/ops/index.ts";
import { bindingFile, loadTensorFlow, tensorflowSetup } from "../../../core/graph/tensorflow/binding.ts";
import { largestDifference, relativeError } from "../../golden/support.ts";
import { sampledAndScored } from "../../support/sampled-and-scored.ts";

const folder = fileURLToPath(new URL("../../golden/cases/models/tiny", import.meta.url));
const there = tensorflowSetup() !== null;
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

describe.skipIf(!there)("TensorFlow", () => {
  test("leaves nothing behind: as many tensors after a pass forward and back as before", async () => {
    const { getNumOfTensors } = createRequire(import.meta.url)(bindingFile) as { getNumOfTensors(): number };
    const graph = new Graph();
    const T = symbol("T");
    const weight = graph.input("weight", [8]);
    const table = graph.input("table", [6, 8]);
    const turned = rope(
      rmsNorm(gatherRows(table, graph.input("ids", [T], "int32")), weight, 1e-6),
      graph.input("cos", [T, 4]),
      graph.input("sin", [T, 4]),
      1,
    );
    const [left] = split(silu(turned), [4, 4], 1);
    const value = tokenLogProb(linear(left!, graph.input("head", [5, 4])), graph.input("targets", [T], "int32"));
    graph.output("value", value);
    graph.output("unread", left!);
    gradient([{ value, cotangent: graph.input("cotangent", [T]) }], [weight, table]).forEach((array, i) =>
      graph.output(`gradient ${i}`, array),
    );
    const program = await loadTensorFlow().compile(graph);
    const floats = (...shape: number[]) => ({
      shape,
      data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i)),
    });
    const ints = (...data: number[]) => ({ shape: [data.length], data: Int32Array.from(data) });
    const feeds = {
      weight: floats(8),
      table: floats(6, 8),
      ids: ints(1, 5, 1),
      cos: floats(3, 4),
      sin: floats(3, 4),
      head: floats(5, 4),
      targets: ints(0, 4, 2),
      cotangent: floats(3),
    };
    await program.run(feeds);
    const before = getNumOfTensors();
    for (let i = 0; i < 5; i++) await program.run(feeds);
    expect(getNumOfTensors()).toBe(before);
    await expect(program.run({ ...feeds, head: floats(5, 3) })).rejects.toThrow(
      /^linear\(\[3, 4\], \[5, 3\]\) failed on TensorFlow: /,
    );
    expect(getNumOfTensors()).toBe(before);
  });

  test("weights, gradient and moments stay on the device, and steps leave nothing else behind", async () => {
    const { getNumOfTensors } = createRequire(import.meta.url)(bindingFile) as { getNumOfTensors(): number };
    const steps = async (executor: "onnxruntime" | "tensorflow") => {
      const policy = await openPolicyInProcess({ folder, ...learnerSettings(parseSettings({ executor })) });
      policies.push(policy);
      const cotangents = { logProbs: Float32Array.of(1, -0.5, 2, 0.3, 0, 0) };
      const norms: number[] = [];
      const tensors: number[] = [];
      for (let step = 0; step < 4; step++) {
        await policy.learner.backward(batch, cotangents);
        // A second pass is added to the first.
        await policy.learner.backward(batch, cotangents);
        norms.push((await policy.learner.step({ learningRate: 1e-4 })).gradientNorm);
        tensors.push(getNumOfTensors());
      }
      return { norms, tensors, logProbs: (await policy.learner.score(batch, ["logProbs"])).logProbs! };
    };
    const [onnx, tensorflow] = [await steps("onnxruntime"), await steps("tensorflow")];
    expect(relativeError(Float32Array.from(tensorflow.norms), Float32Array.from(onnx.norms))).toBeLessThan(1e-4);
    expect(largestDifference(tensorflow.logProbs, onnx.logProbs)).toBeLessThan(2e-4);
    expect(tensorflow.tensors[0]).toBeGreaterThan(onnx.tensors[3]!);
    expect(new Set(tensorflow.tensors.slice(1)).size).toBe(1);
  });

  test("a policy's thread computes what onnxruntime computes, and samples the same tokens", async () => {
    const run = async (executor: RunSettings["executor"]) => {
      const policy = await openPolicy({ folder, threads: 1, ...learnerSettings(parseSettings({ executor })) });
      policies.push(policy);
      return sampledAndScored(policy, batch);
    };
    const [onnx, tensorflow] = [await run("onnxruntime"), await run("tensorflow")];
    expect(tensorflow.tokens).toEqual(onnx.tokens);
    expect(relativeError(tensorflow.logProbs, onnx.logProbs)).toBeLessThan(1e-5);
  });

  test("bfloat16 moves log-probs by some hundredths of a nat at most", () => {
    // The library reads the precision once per process.
    const script = `
      import { learnerSettings, openPolicyInProcess, parseSettings } from "@papo/core";
      const batch = { prompts: [{ ids: Int32Array.of(5, 6, 7), pictures: [] }], rows: [{ prompt: 0, tokens: Int32Array.of(11, 12, 13) }], temperature: 1 };
      const policy = await openPolicyInProcess({ folder: ${JSON.stringify(folder)}, ...learnerSettings(parseSettings({ executor: "tensorflow", precision: process.argv[1] })) });
      console.log(JSON.stringify([...(await policy.learner.score(batch, ["logProbs"])).logProbs]));
      await policy.close();`;
    const scored = (precision: string): number[] => {
      const { stdout, stderr } = spawnSync(
        process.execPath,
        ["--import", "tsx", "--input-type=module", "--eval", script, precision],
        { cwd: join(import.meta.dirname, "../../.."), encoding: "utf8" },
      );
      expect(stdout, stderr).toMatch(/^\[/);
      return JSON.parse(stdout) as number[];
    };
    const [exact, rounded] = [scored("float32"), scored("bfloat16")];
    const differences = exact.map((value, i) => Math.abs(value - rounded[i]!));
    expect(Math.max(...differences)).toBeLessThan(0.1);
  });

  test("one process has one precision", () => {
    loadTensorFlow();
    expect(() => loadTensorFlow({ precision: "bfloat16" })).toThrow(
      "TensorFlow runs in float32 in this process already: start another one for bfloat16",
    );
  });
});

test.skipIf(there)("says what to run where it is not set up", () => {
  expect(() => loadTensorFlow()).toThrow(/TensorFlow is not set up: run `npx papo setup tensorflow`/);
});

test("onnxruntime refuses a precision that it does not have", async () => {
  await expect(
    openPolicyInProcess({ folder, ...learnerSettings(parseSettings({ precision: "bfloat16" })) }),
  ).rejects.toThrow('precision "bfloat16" needs the executor "xla" or "tensorflow"');
});

import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { AdamW } from "../../../../core/learner/optimizer/adamw.ts";
import { DeviceOptimizer } from "../../../../core/learner/optimizer/device-optimizer.ts";
import type { Executor } from "../../../../core/graph/executor.ts";
import { createRandom } from "../../../../core/math/random.ts";
import { readSafetensors } from "../../../../core/model/files/safetensors.ts";
import { writeSafetensors } from "../../../../core/model/files/safetensors-write.ts";
import type { Weights } from "../../../../core/model/model.ts";

const settings = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, maxGradientNorm: 1 };
const [rows, width, examples] = [64, 130, 48];

/** Least squares with 64 · 130 weights and 64 biases, features of very different sizes, a few examples a step. */
function problem() {
  const draws = createRandom(5).key("problem");
  let drawn = 0;
  const next = (): number => draws.uniform(drawn++) - 0.5;
  const inputs = Float32Array.from({ length: examples * width }, (_, i) => next() * 10 ** (-(i % width) / 60));
  const targets = Float32Array.from({ length: examples * rows }, next);
  const weights: Weights = new Map([
    ["matrix", { shape: [rows, width], data: new Float32Array(rows * width) }],
    ["bias", { shape: [rows], data: new Float32Array(rows) }],
  ]);
  const gradients = (
    step: number,
    from = weights,
  ): { readonly loss: number; readonly of: Map<string, Float32Array> } => {
    const [matrix, bias] = [from.get("matrix")!.data, from.get("bias")!.data];
    const of = new Map([
      ["matrix", new Float32Array(matrix.length)],
      ["bias", new Float32Array(rows)],
    ]);
    let loss = 0;
    for (let k = 0; k < 8; k++) {
      const e = (step * 8 + k) % examples;
      for (let r = 0; r < rows; r++) {
        let error = bias[r]! - targets[e * rows + r]!;
        for (let c = 0; c < width; c++) error += matrix[r * width + c]! * inputs[e * width + c]!;
        loss += error * error;
        of.get("bias")![r]! += error;
        for (let c = 0; c < width; c++) of.get("matrix")![r * width + c]! += error * inputs[e * width + c]!;
      }
    }
    return { loss, of };
  };
  return { weights, gradients };
}

function learn(
  optimizer: AdamW,
  { weights, gradients }: ReturnType<typeof problem>,
  from: number,
  to: number,
): number[] {
  return Array.from({ length: to - from }, (_, i) => {
    const { loss, of } = gradients(from + i);
    optimizer.update(weights, of, { learningRate: 0.01 });
    return loss;
  });
}

test("with 8-bit moments the loss falls as with float32 ones", () => {
  const [full, bytes] = (["float32", "8bit"] as const).map((moments) =>
    learn(new AdamW({ ...settings, moments }), problem(), 0, 150),
  ) as [number[], number[]];
  expect(full.at(-1)! / full[0]!).toBeLessThan(0.06);
  for (const [step, loss] of full.entries())
    expect(Math.abs(bytes[step]! - loss)).toBeLessThan(0.1 * loss + 0.002 * full[0]!);
});

test("they take 2 bytes a number and a scale a block, those of few numbers stay float32, and what is saved goes on bit-equal", async () => {
  const folder = mkdtempSync(join(tmpdir(), "papo-moments-"));
  try {
    const [straight, resumed] = [problem(), problem()];
    const [first, before, after] = Array.from({ length: 3 }, () => new AdamW({ ...settings, moments: "8bit" })) as [
      AdamW,
      AdamW,
      AdamW,
    ];
    learn(first, straight, 0, 9);
    learn(before, resumed, 0, 5);
    const { updates, arrays } = before.state();
    expect(arrays.get("bias.exp_avg")?.data).toBeInstanceOf(Float32Array);
    expect(
      [...arrays]
        .filter(([name]) => name.startsWith("matrix.exp"))
        .reduce((bytes, [, { data }]) => bytes + data.byteLength, 0),
    ).toBe(2 * (rows * width + 4 * 33));
    const file = join(folder, "optimizer.safetensors");
    await writeSafetensors(file, arrays);
    expect(statSync(file).size).toBeLessThan(2.2 * rows * width + 2000);
    const read = await readSafetensors(file);
    after.restore({
      updates,
      arrays: new Map(
        [...read].map(([name, { shape, data }]) => [name, { shape, data: data as Float32Array | Uint8Array }]),
      ),
    });
    learn(after, resumed, 5, 9);
    expect([...resumed.weights.get("matrix")!.data]).toEqual([...straight.weights.get("matrix")!.data]);
    expect(after.state().arrays).toEqual(first.state().arrays);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.each(["float32", "8bit"] as const)(
  "moments restored in %s are the arrays that were saved, and no others are made",
  (moments) => {
    const made = problem();
    const before = new AdamW({ ...settings, moments });
    learn(before, made, 0, 1);
    const state = before.state();
    const after = new AdamW({ ...settings, moments });
    // Tables that all moments in 8 bits share are made with the first.
    after.restore(state);
    const held = process.memoryUsage().arrayBuffers;
    after.restore(state);
    expect(process.memoryUsage().arrayBuffers - held).toBeLessThan(rows * width);
    for (const [name, { data }] of after.state().arrays)
      if (!name.endsWith(".step")) expect(data, name).toBe(state.arrays.get(name)!.data);
  },
);

test("moments of the other type are refused by name, with what to set", () => {
  const made = problem();
  const [bytes, floats] = [new AdamW({ ...settings, moments: "8bit" }), new AdamW(settings)];
  learn(bytes, made, 0, 1);
  learn(floats, made, 0, 1);
  expect(() => new AdamW(settings).restore(bytes.state())).toThrow(
    '"matrix" are in 8 bits: go on with optimizer.moments: "8bit"',
  );
  expect(() => new AdamW({ ...settings, moments: "8bit" }).restore(floats.state())).toThrow(
    '"matrix" are in float32: go on with optimizer.moments: "float32"',
  );
});

test("optimizers on a device, whose moments are float32, refuse them with what to set", () => {
  const executor = { name: "xla", device: {} } as unknown as Executor;
  expect(() => new DeviceOptimizer({ ...settings, moments: "8bit" }, executor, () => false)).toThrow(
    /moments "8bit" is for optimizers on the host: xla .*executor "onnxruntime"/,
  );
});

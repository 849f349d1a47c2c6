import { expect, test } from "vitest";
import { AdamW } from "../../../../core/learner/optimizer/adamw.ts";
import type { OptimizerState } from "../../../../core/learner/optimizer/optimizer.ts";
import type { Weights } from "../../../../core/model/model.ts";

const settings = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, maxGradientNorm: 1 };
const parameters = (): Weights =>
  new Map([
    ["a", { shape: [2], data: Float32Array.of(1, -2) }],
    ["b", { shape: [1], data: Float32Array.of(3) }],
  ]);
const gradients = (...a: number[]): Map<string, Float32Array> => new Map([["a", Float32Array.from(a)]]);
const valuesOf = (weights: OptimizerState["arrays"]): number[] =>
  [...weights.values()].flatMap(({ data }) => [...data]);

test("the first update moves every element by the learning rate against its gradient's sign, after the decay", () => {
  const weights = parameters();
  new AdamW(settings).update(weights, gradients(0.3, -0.4), { learningRate: 0.1 });
  expect(weights.get("a")?.data[0]).toBeCloseTo(1 * 0.999 - 0.1, 6);
  expect(weights.get("a")?.data[1]).toBeCloseTo(-2 * 0.999 + 0.1, 6);
});

test("parameters without a gradient stay as they are", () => {
  const weights = parameters();
  new AdamW(settings).update(weights, gradients(1, 1), { learningRate: 0.1 });
  expect(weights.get("b")?.data[0]).toBe(3);
});

test("a parameter's bias correction counts its own updates, after a restore too", () => {
  const weights = parameters();
  const before = new AdamW(settings);
  for (let step = 0; step < 3; step++) before.update(weights, gradients(1, 1), { learningRate: 0.1 });
  const after = new AdamW(settings);
  after.restore(before.state());
  // b meets its first gradients: as in torch, Adam's first two steps have full length, however many a has had.
  after.update(weights, new Map([["b", Float32Array.of(0.5)]]), { learningRate: 0.1 });
  expect(weights.get("b")?.data[0]).toBeCloseTo(3 * 0.999 - 0.1, 6);
  const again = new AdamW(settings);
  again.restore(after.state());
  again.update(weights, new Map([["b", Float32Array.of(0.5)]]), { learningRate: 0.1 });
  expect(weights.get("b")?.data[0]).toBeCloseTo((3 * 0.999 - 0.1) * 0.999 - 0.1, 6);
});

test("a gradient that is not finite changes nothing and is reported", () => {
  for (const bad of [NaN, Infinity]) {
    const weights = parameters();
    const optimizer = new AdamW(settings);
    optimizer.update(weights, gradients(1, 2), { learningRate: 0.1 });
    const before = { values: valuesOf(weights), moments: valuesOf(optimizer.state().arrays) };
    expect(optimizer.update(weights, gradients(bad, 1), { learningRate: 0.1 }).skipped).toBe(true);
    expect({ values: valuesOf(weights), moments: valuesOf(optimizer.state().arrays) }).toEqual(before);
    expect(optimizer.updates).toBe(1);
  }
});

test("a restored optimizer goes on bit-equal", () => {
  const [straight, resumed] = [parameters(), parameters()];
  const first = new AdamW(settings);
  const before = new AdamW(settings);
  for (const weights of [straight, resumed])
    (weights === straight ? first : before).update(weights, gradients(0.5, 5), { learningRate: 0.01 });
  const after = new AdamW(settings);
  after.restore(before.state());
  first.update(straight, gradients(-0.1, 0.2), { learningRate: 0.01 });
  after.update(resumed, gradients(-0.1, 0.2), { learningRate: 0.01 });
  expect(valuesOf(resumed)).toEqual(valuesOf(straight));
});

test("a gradient of the wrong size or for no parameter, and an incomplete state, are refused by name", () => {
  const optimizer = new AdamW(settings);
  expect(() => optimizer.update(parameters(), gradients(1), { learningRate: 0.1 })).toThrow(
    '"a" has 2 elements and its gradient 1',
  );
  expect(() => optimizer.update(parameters(), new Map([["c", Float32Array.of(1)]]), { learningRate: 0.1 })).toThrow(
    '"c"',
  );
  const arrays: Weights = new Map([["a.exp_avg", { shape: [1], data: Float32Array.of(1) }]]);
  expect(() => optimizer.restore({ updates: 1, arrays })).toThrow('"a" is incomplete');
});

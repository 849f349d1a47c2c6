import { expect, test } from "vitest";
import { createAdamWKernel } from "../../../../core/learner/optimizer/adamw-kernel.ts";
import { createRandom } from "../../../../core/math/random.ts";

const step = { scale: 0.5, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, stepSize: 1e-2, rootCorrection: 1.5, keep: 0.999 };
const kernel = createAdamWKernel();

/** The same in double precision, entry by entry. */
function reference(p: number, g: number, m: number, v: number): [number, number, number] {
  const scaled = g * step.scale;
  const first = m * step.beta1 + scaled * (1 - step.beta1);
  const second = v * step.beta2 + scaled * scaled * (1 - step.beta2);
  return [
    p * step.keep - (step.stepSize * first) / (Math.sqrt(second) * step.rootCorrection + step.epsilon),
    first,
    second,
  ];
}

test.each([1, 3, 4, 5, 16_383, 16_384, 16_385, 40_001])("%i entries, the last ones included", (length) => {
  const draws = createRandom(length);
  const random = (name: string): Float32Array =>
    Float32Array.from({ length }, (_, i) => draws.key(name).uniform(i) - 0.5);
  const [p, g, m, v] = [random("p"), random("g"), random("m"), random("v").map(Math.abs)];
  const expected = Array.from(p, (value, i) => reference(value, g[i]!, m[i]!, v[i]!));
  expect(kernel(p, g, m, v, step)).toBe(true);
  for (const [column, array] of [p, m, v].entries()) {
    const largest = array.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i]![column]!)), 0);
    expect(largest).toBeLessThan(1e-6);
  }
});

test("says when an entry is not finite, and of the next array that all are", () => {
  const zeros = (): Float32Array => new Float32Array(5);
  expect(kernel(Float32Array.of(1, 2, 3, 4, Infinity), zeros(), zeros(), zeros(), step)).toBe(false);
  expect(kernel(Float32Array.of(1, NaN, 3, 4, 5), zeros(), zeros(), zeros(), step)).toBe(false);
  expect(kernel(Float32Array.of(1, 2, 3), new Float32Array(3), new Float32Array(3), new Float32Array(3), step)).toBe(
    true,
  );
});

import { expect, it } from "vitest";
import { Coefficients } from "../../../core/host/coefficients.ts";
import { createHooks } from "../../../core/contracts/hooks.ts";

it("asks the hook for each value in each step, beginning from its initial value", () => {
  const { coefficient } = createHooks();
  coefficient.tap("decay", (value, { name, step, steps }) => (name === "gamma" ? value * (1 - step / steps) : value));
  const coefficients = new Coefficients();
  const [gamma, beta] = [coefficients.declare("A", "gamma", 8), coefficients.declare("B", "beta", 3)];
  expect(coefficients.values()).toEqual({ gamma: 8, beta: 3 });
  for (const [step, expected] of [
    [1, 6],
    [2, 4],
    [4, 0],
    [1, 6],
  ] as const) {
    coefficients.refresh(coefficient, { step, steps: 4 });
    expect([gamma.value, beta.value]).toEqual([expected, 3]);
    expect(coefficients.values()).toEqual({ gamma: expected, beta: 3 });
  }
});

it("refuses a name that is taken, and an initial value that is not finite", () => {
  const coefficients = new Coefficients();
  coefficients.declare("A", "gamma", 1);
  expect(() => coefficients.declare("B", "gamma", 2)).toThrow(
    'B declares the coefficient "gamma", which A has declared',
  );
  expect(() => coefficients.declare("B", "beta", NaN)).toThrow(
    'B declares the coefficient "beta" as NaN; it must be finite',
  );
  expect(coefficients.values()).toEqual({ gamma: 1 });
});

import "@papo/core/testing";
import { engine, exp, memory, mul, sum, tensor2d } from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { detach, elementwise } from "../../../core/math/elementwise.ts";
import { scoped } from "../../../core/math/scoped.ts";

describe("elementwise", () => {
  it("passes both derivatives on, and nothing of an element without upstream", () => {
    const [left, right] = scoped(() => {
      const [a, b] = [tensor2d([[2, 3]]), tensor2d([[5, 0]])];
      const upstream = tensor2d([[10, 0]]);
      const quotient = () =>
        sum(
          mul(
            elementwise(a, b, (x, y, out) => out.set([x / y, 1 / y, -x / (y * y)])),
            upstream,
          ),
        );
      // 3 / 0 is infinite, and so are its derivatives; the product with 0 is not looked at.
      return engine()
        .gradients(quotient, [a, b])
        .grads.map((gradient) => [...gradient.dataSync()]);
    });
    expect(left![0]).toBeCloseTo(2, 6);
    expect(right![0]).toBeCloseTo(-0.8, 6);
    expect([left![1], right![1]]).toEqual([0, 0]);
  });

  it("needs equal shapes", () => {
    expect(() => elementwise(tensor2d([[1]]), tensor2d([[1, 2]]), () => undefined)).toThrow("found [1,1] and [1,2]");
  });
});

describe("detach", () => {
  it("cuts the gradient and leaves no tensor", () => {
    const before = memory().numTensors;
    const gradient = scoped(() => {
      const x = tensor2d([[1]]);
      return engine()
        .gradients(() => sum(mul(x, detach(exp(x)))), [x])
        .grads[0]!.dataSync()[0];
    });
    expect(gradient).toBeCloseTo(Math.E, 6);
    expect(memory().numTensors).toBe(before);
  });
});

import { createHost } from "@papo/core";
import { DoubleEntropyPlugin, PerceptionKlPlugin, PerceptionSchedulePlugin } from "@papo/plugins";
import { describe, expect, it } from "vitest";

function coefficients(
  options: ConstructorParameters<typeof PerceptionSchedulePlugin>[0],
  step: number,
  gamma = 0.01,
): number[] {
  const host = createHost(
    [
      new PerceptionKlPlugin({ coefficient: gamma }),
      new DoubleEntropyPlugin({ original: 0.03, masked: 0.06 }),
      new PerceptionSchedulePlugin(options),
    ],
    { seed: 1, givenViews: ["masked"] },
  );
  host.beginStep({ step, steps: 100 });
  const { "papo/gamma": g, "papo/eta_original": original, "papo/eta_masked": masked } = host.coefficients();
  return [g!, original!, masked!].map((value) => Number(value.toPrecision(10)));
}

describe("PerceptionSchedulePlugin", () => {
  it("anneals γ to 0 over half of the run, and the entropies with it, as the release does", () => {
    expect(coefficients({}, 1)).toEqual([0.01, 0.03, 0.06]);
    expect(coefficients({}, 26)).toEqual([0.005, 0.015, 0.03]);
    expect(coefficients({}, 51)).toEqual([0, 0, 0]);
    expect(coefficients({}, 100)).toEqual([0, 0, 0]);
  });

  it("rescales the entropies from the first step when it begins elsewhere", () => {
    expect(coefficients({ from: 0.02 }, 1)).toEqual([0.02, 0.06, 0.12]);
    expect(coefficients({ from: 0.02, scaleEntropies: false }, 1)).toEqual([0.02, 0.03, 0.06]);
  });

  it("may follow a cosine, and with γ = 0 there is nothing to anneal", () => {
    expect(coefficients({ course: "cosine", to: 0.002, over: 1 }, 51)[0]).toBeCloseTo(0.006, 9);
    expect(coefficients({}, 26, 0)).toEqual([0, 0.03, 0.06]);
  });

  it("says which order it needs", () => {
    const host = createHost([new DoubleEntropyPlugin(), new PerceptionKlPlugin(), new PerceptionSchedulePlugin()], {
      seed: 1,
      givenViews: ["masked"],
    });
    expect(() => {
      host.beginStep({ step: 2, steps: 10 });
    }).toThrow(
      'the entropies follow γ, and "papo/eta_original" comes before it: list PerceptionKlPlugin before DoubleEntropyPlugin',
    );
  });
});

import { createHost, createRandom, type Picture } from "@papo/core";
import { DiffusionNoisePlugin } from "@papo/plugins";
import { describe, expect, it } from "vitest";

const grey: Picture = { width: 40, height: 40, data: new Uint8Array(40 * 40 * 3).fill(128), source: "grey" };
const spread = ({ data }: Picture): number =>
  Math.sqrt(data.reduce((sum, value) => sum + (value - 128) ** 2, 0) / data.length);

describe("DiffusionNoisePlugin", () => {
  it("adds noise of the diffusion's size, more with more steps, the same for the same seed", () => {
    const plugin = new DiffusionNoisePlugin();
    const at = (t: number, seed = 1): Picture => plugin.noisy(grey, { random: createRandom(seed) }, t);
    // β runs from 2.24e-5 to 4.99e-3 by a sigmoid: at t = 200, ᾱ is 0.9863, worked out beside this test; the grey moves
    // by (1 − √ᾱ)·128 and the noise is √(1 − ᾱ)·255.
    const kept = Array.from(
      { length: 201 },
      (_, t) => 1 - ((0.005 - 1e-5) / (1 + Math.exp(6 - (12 * t) / 999)) + 1e-5),
    ).reduce((product, alpha) => product * alpha, 1);
    expect(spread(at(200))).toBeCloseTo(Math.hypot(Math.sqrt(1 - kept) * 255, (1 - Math.sqrt(kept)) * 128), -0.5);
    expect(spread(at(500))).toBeGreaterThan(spread(at(200)));
    expect(spread(at(0))).toBeLessThan(3);
    expect(at(300).data).toEqual(at(300).data);
    expect(at(300, 2).data).not.toEqual(at(300).data);
  });

  it("has the release's course: half of its strength at the middle, none at the end", () => {
    const plugin = new DiffusionNoisePlugin({ steepness: 30, middle: 40 });
    expect(plugin.decay(40, 60)).toBeCloseTo(0.5, 12);
    expect(plugin.decay(1, 60)).toBeGreaterThan(0.99);
    expect(plugin.decay(60, 60)).toBeCloseTo(1 - 1 / (1 + Math.exp(-30 * (20 / 60))), 12);
    expect([
      new DiffusionNoisePlugin({ schedule: "constant" }).decay(60, 60),
      new DiffusionNoisePlugin({ schedule: "linear" }).decay(30, 60),
    ]).toEqual([1, 0.5]);
  });

  it("draws its view at the strength in force", async () => {
    const host = createHost([new DiffusionNoisePlugin({ schedule: "linear", strength: 900 })], { seed: 1 });
    const { row } = { row: { id: "r", prompt: "", system: null, images: [], answer: "", fields: {} } };
    const draw = async (step: number): Promise<number> => {
      host.beginStep({ step, steps: 10 });
      return spread(
        await host.views.get("noisy")!.raw!(grey, { row, step, picture: 0, response: null, random: createRandom(3) }),
      );
    };
    expect(await draw(1)).toBeGreaterThan(await draw(8));
    expect(host.coefficients()["noise/t"]).toBe(180);
  });
});

/** 8-bit moments against bitsandbytes' AdamW8bit: scripts/make_moments.py. */
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { AdamW } from "../../core/learner/optimizer/adamw.ts";
import { codeTable } from "../../core/learner/optimizer/block-quantization.ts";
import { readSafetensors, type StoredTensor } from "../../core/model/files/safetensors.ts";
import { goldenDir, hasPart } from "./support.ts";

const here = hasPart("moments.safetensors");
const tensors = here
  ? await readSafetensors(join(goldenDir(), "moments.safetensors"))
  : new Map<string, StoredTensor>();
const floats = (name: string): Float32Array => tensors.get(name)!.data as Float32Array;
const settings = {
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0.01,
  maxGradientNorm: Infinity,
  moments: "8bit" as const,
};

describe.runIf(here)("moments in 8 bits", () => {
  test.each(["signed", "unsigned"] as const)("%s codes stand for bitsandbytes' values", (range) => {
    const [ours, theirs] = [codeTable(range), floats(`codes.${range}`)];
    expect(ours).toHaveLength(theirs.length);
    for (const [i, value] of theirs.entries())
      expect(Math.abs(ours[i]! - value)).toBeLessThanOrEqual(1e-6 * Math.abs(value));
  });

  test("an update makes of bitsandbytes' state its parameters and scales, and the nearest codes, 0 only of 0", () => {
    for (let update = 1; update <= 4; update++) {
      const parameter = floats(`parameter.${update - 1}`).slice();
      const optimizer = new AdamW(settings);
      if (update > 1) {
        const moments = ["exp_avg", "exp_avg_sq"].flatMap((name) =>
          ["codes", "scales"].map((part) => {
            const { shape, data } = tensors.get(`${name}.${part}.${update - 1}`)!;
            return [`matrix.${name}.${part}`, { shape, data: data.slice() as Float32Array | Uint8Array }] as const;
          }),
        );
        optimizer.restore({
          updates: update - 1,
          arrays: new Map([...moments, ["matrix.step", { shape: [1], data: Float32Array.of(update - 1) }]]),
        });
      }
      optimizer.update(
        new Map([["matrix", { shape: [32, 130], data: parameter }]]),
        new Map([["matrix", floats(`gradient.${update}`)]]),
        { learningRate: 1e-2 },
      );
      const before = floats(`parameter.${update - 1}`);
      for (const [i, value] of floats(`parameter.${update}`).entries()) {
        expect(Math.abs(parameter[i]! - value)).toBeLessThanOrEqual(1e-4 * Math.abs(value - before[i]!) + 1e-6);
      }
      const { arrays } = optimizer.state();
      for (const name of ["exp_avg", "exp_avg_sq"]) {
        for (const [i, scale] of floats(`${name}.scales.${update}`).entries())
          expect(arrays.get(`matrix.${name}.scales`)!.data[i]).toBeCloseTo(scale, 6);
        const [ours, theirs] = [
          arrays.get(`matrix.${name}.codes`)!.data,
          tensors.get(`${name}.nearest.${update}`)!.data,
        ];
        let differing = 0;
        for (let i = 0; i < ours.length; i++) {
          if (name === "exp_avg_sq" && theirs[i] === 0) expect(ours[i]).toBe(1);
          else if (ours[i] !== theirs[i]) {
            expect(Math.abs(ours[i]! - theirs[i]!)).toBe(1);
            differing++;
          }
        }
        // Numbers half way between two values, up to rounding.
        expect(differing).toBeLessThan(0.002 * ours.length);
      }
    }
  });
});

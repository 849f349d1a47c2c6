import { fileURLToPath } from "node:url";
import {
  createHost,
  createRandom,
  learnerSettings,
  openPolicyInProcess,
  parseSettings,
  type EncodedPicture,
  type Picture,
  type View,
  type ViewContext,
} from "@papo/core";
import { makeSample } from "@papo/core/testing";
import { SemanticMaskPlugin } from "@papo/plugins";
import { describe, expect, it } from "vitest";
import { receivedAttention, topCells } from "../../../plugins/papo/saliency.ts";

const viewOf = (options: ConstructorParameters<typeof SemanticMaskPlugin>[0]): View =>
  createHost([new SemanticMaskPlugin(options)], { seed: 1 }).views.get("masked")!;
const context: ViewContext = {
  row: makeSample().prompt.row,
  step: 1,
  picture: 0,
  response: null,
  random: createRandom(1),
};
const dinov2 = fileURLToPath(new URL("../../golden/cases/dinov2/plain", import.meta.url));
const startModel = fileURLToPath(new URL("../../../recipes/app/tasks/shapes/start-model", import.meta.url));
const striped = (width: number, height: number): Picture => ({
  width,
  height,
  data: Uint8Array.from({ length: width * height * 3 }, (_, i) => (Math.floor(i / 21) * 37) % 256),
  source: "stripes",
});

describe("saliency", () => {
  it("is the attention that patches receive from patches, without CLS and registers, over the maps' mean", () => {
    // CLS, one register, two patches.
    const one = Float32Array.of(
      9,
      9,
      9,
      9,
      /* register */ 9,
      9,
      9,
      9,
      /* patch 0 pays */ 5,
      5,
      0.1,
      0.4,
      /* patch 1 */ 5,
      5,
      0.3,
      0.2,
    );
    const two = Float32Array.of(9, 9, 9, 9, 9, 9, 9, 9, 0, 0, 0.5, 0, 0, 0, 0.1, 0.4);
    const [first, second] = receivedAttention([one, two], 2);
    expect(first).toBeCloseTo((0.1 + 0.3 + 0.5 + 0.1) / 2, 6);
    expect(second).toBeCloseTo((0.4 + 0.2 + 0 + 0.4) / 2, 6);
    expect(() => receivedAttention([new Float32Array(9)], 4)).toThrow(
      "an attention map has 9 numbers, at least 4 × 4 are needed",
    );
  });

  it("chooses the floor of the share, of equals the earlier", () => {
    expect([...topCells([3, 1, 3, 2, 3], 0.6)]).toEqual([1, 0, 1, 0, 1]);
    expect([...topCells([1, 1, 1, 1, 1], 0.5)]).toEqual([1, 1, 0, 0, 0]);
    expect([...topCells([1, 2], 1)]).toEqual([1, 1]);
    expect([...topCells([1, 2], 0.4)]).toEqual([0, 0]);
  });
});

describe("SemanticMaskPlugin", () => {
  it("blackens the most salient cells of a DINOv2's grid over the whole picture, the same at each step", async () => {
    const options = { model: dinov2, layers: [1, 2], ratio: 0.5 };
    const picture = striped(84, 56);
    const masked = await viewOf(options).raw!(picture, context);
    const black = Array.from(
      { length: 84 * 56 },
      (_, i) =>
        masked.data[3 * i] === 0 &&
        masked.data[3 * i + 1] === 0 &&
        masked.data[3 * i + 2] === 0 &&
        picture.data[3 * i]! + picture.data[3 * i + 1]! + picture.data[3 * i + 2]! > 0,
    );
    const changed = black.filter(Boolean).length / black.length;
    // 12 of 24 cells, less the pixels that were black before.
    expect(changed).toBeGreaterThan(0.4);
    expect(changed).toBeLessThanOrEqual(0.5);
    const again = await viewOf(options).raw!(picture, { ...context, step: 9, random: createRandom(7) });
    expect(Buffer.compare(Buffer.from(again.data), Buffer.from(masked.data))).toBe(0);
    const other = await viewOf({ ...options, layers: [0] }).raw!(picture, context);
    expect(Buffer.compare(Buffer.from(other.data), Buffer.from(masked.data))).not.toBe(0);
  });

  it("asks the policy's own tower, whose attention sums to the number of patches, and fills whole visual tokens", async () => {
    const policy = await openPolicyInProcess({ folder: startModel, threads: 1, ...learnerSettings(parseSettings()) });
    try {
      const [picture] = (await policy.processor.encodePictures([striped(112, 84)])) as [EncodedPicture];
      const attention = await policy.learner.attention!(picture);
      const patches = picture.grid[1] * picture.grid[2];
      expect(attention.length).toBe(patches / 4);
      // Every patch pays 1 in all.
      expect(attention.reduce((sum, value) => sum + value, 0)).toBeCloseTo(patches, 2);
      expect(Math.max(...attention) / Math.min(...attention)).toBeGreaterThan(1.05);
      const masked = await viewOf({ source: "policy", ratio: 0.5 }).patches!(picture, {
        ...context,
        attention: (asked) => policy.learner.attention!(asked),
      });
      const size = picture.pixels.length / attention.length;
      const same = Array.from(attention, (_, token) =>
        masked.pixels
          .subarray(token * size, (token + 1) * size)
          .every((value, i) => value === picture.pixels[token * size + i]),
      );
      const chosen = topCells(attention, 0.5);
      same.forEach((kept, token) => expect(kept).toBe(chosen[token] === 0));
    } finally {
      await policy.close();
    }
  });

  it("says what is missing", async () => {
    expect(() => new SemanticMaskPlugin()).toThrow(
      'SemanticMaskPlugin: the option "model" is missing: give the folder of a DINOv2, or source: "policy"',
    );
    const view = viewOf({ source: "policy" });
    await expect(
      (async () => view.patches!({ hash: "", grid: [1, 2, 2], pixels: new Float32Array(4) }, context))(),
    ).rejects.toThrow("there is no policy here whose vision tower could say where to look");
    await expect(viewOf({ model: dinov2, layers: [9] }).raw!(striped(28, 28), context)).rejects.toThrow(
      "there is no layer 9",
    );
  });
});

import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Dinov2Encoder } from "../../core/model/encoders/dinov2/encoder.ts";
import { goldenDir, goldenJson, hasPart, largestDifference } from "./support.ts";

interface GoldenPicture {
  readonly height: number;
  readonly width: number;
  readonly features: readonly number[];
  /** By layer. */
  readonly attentions: readonly (readonly number[])[];
}

const models = goldenJson<Readonly<Record<string, readonly GoldenPicture[]>>>("dinov2.json") ?? {};

/** What make_dinov2.py feeds: [3, height, width]. */
const pixelsOf = ({ height, width }: GoldenPicture): Float32Array =>
  Float32Array.from(
    { length: 3 * height * width },
    (_, i) => Math.round(2 * Math.sin(0.37 * i + 1.3 * Math.sin(0.011 * i)) * 1000) / 1000,
  );

describe.skipIf(!hasPart("dinov2.json")).each(Object.entries(models))("DINOv2 %s", (name, pictures) => {
  let encoder: Dinov2Encoder;
  beforeAll(async () => {
    encoder = await Dinov2Encoder.open(join(goldenDir(), "dinov2", name), {
      layers: pictures[0]!.attentions.map((_, layer) => layer),
    });
  });
  afterAll(() => encoder.close());

  test.each(pictures.map((picture) => [`${picture.height} × ${picture.width}`, picture] as const))(
    "%s: features and attention maps are those of transformers",
    async (_, picture) => {
      const { patchSize } = encoder.config;
      const { features, attentions } = await encoder.encodePixels(
        pixelsOf(picture),
        picture.height / patchSize,
        picture.width / patchSize,
      );
      expect(largestDifference(features, picture.features)).toBeLessThan(1e-4);
      picture.attentions.forEach((wanted, layer) => {
        expect(largestDifference(attentions.get(layer)!, wanted)).toBeLessThan(1e-4);
        // Not all the same: a map that ignores its input would show here.
        expect(Math.max(...wanted) / Math.min(...wanted)).toBeGreaterThan(2);
      });
    },
  );
});

test.skipIf(models["plain"] === undefined || !hasPart("models"))(
  "a layer that is not there, and a folder of another model, are errors that say so",
  async () => {
    await expect(Dinov2Encoder.open(join(goldenDir(), "dinov2", "plain"), { layers: [3] })).rejects.toThrow(
      /has 3 layers, from 0; there is no layer 3/,
    );
    await expect(Dinov2Encoder.open(join(goldenDir(), "models", "tiny"))).rejects.toThrow(
      /is of a "qwen2_5_vl", a "dinov2" or "dinov2_with_registers" is needed/,
    );
  },
);

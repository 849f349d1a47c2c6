import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ImageProcessor, smartResize } from "../../core/model/processing/image-processor.ts";
import { loadPicture } from "../../core/model/processing/picture.ts";
import { goldenDir, goldenJson, goldenTensors, hasPart, tensorOf } from "./support.ts";

interface ImageCase {
  file: string;
  width: number;
  height: number;
  setting: string;
  min_pixels: number;
  max_pixels: number;
  image_grid_thw: number[];
  n_patches: number;
  tensor: string;
  full_pixel_values: boolean;
  sample_rows?: number[];
  resized_tv_u8_sum?: number;
}

interface ImageGoldens {
  cases: ImageCase[];
  smart_resize: ({ height: number; width: number; min_pixels: number; max_pixels: number } & Partial<Resized>)[];
  constants: { mean: [number, number, number]; std: [number, number, number]; rescale: number };
}

interface Resized {
  resized_height: number;
  resized_width: number;
  error: string;
}

describe.skipIf(!hasPart("image.json"))("pictures", async () => {
  const goldens = goldenJson<ImageGoldens>("image.json");
  const tensors = await goldenTensors("image.safetensors");
  if (goldens === null || tensors === null) return;
  const { cases, smart_resize: sizes, constants } = goldens;

  const processorOf = ({ min_pixels, max_pixels }: ImageCase) =>
    new ImageProcessor({
      minPixels: min_pixels,
      maxPixels: max_pixels,
      patchSize: 14,
      mergeSize: 2,
      temporalPatchSize: 2,
      mean: constants.mean,
      std: constants.std,
      rescaleFactor: constants.rescale,
    });

  test.each(cases)("$file with setting $setting", async (golden) => {
    const picture = await loadPicture(join(goldenDir(), "images", golden.file));
    expect([picture.width, picture.height]).toEqual([golden.width, golden.height]);
    const processor = processorOf(golden);
    const { grid, pixels } = processor.encode(picture);
    expect(grid).toEqual(golden.image_grid_thw);
    expect(pixels.length).toBe(golden.n_patches * 1176);
    const rows = golden.full_pixel_values
      ? Array.from({ length: golden.n_patches }, (_, row) => row)
      : golden.sample_rows!;
    const wanted = tensorOf(
      tensors,
      `${golden.tensor}.${golden.full_pixel_values ? "pixel_values" : "pixel_rows"}`,
    ).data;
    const levels = rows.flatMap((row, i) =>
      levelDifferences(pixels.subarray(row * 1176, (row + 1) * 1176), wanted.subarray(i * 1176, (i + 1) * 1176)),
    );
    expect(levels.filter((level) => level > 2.01).length).toBeLessThanOrEqual(levels.length / 1000);

    const resized = tensors.get(`${golden.tensor}.resized_tv`)?.data;
    const { data } = processor.resize(picture);
    if (resized !== undefined) {
      expect(data.length).toBe(resized.length);
      expect(data.filter((level, i) => Math.abs(level - resized[i]!) > 2).length).toBeLessThanOrEqual(
        data.length / 1000,
      );
    } else if (golden.resized_tv_u8_sum !== undefined) {
      const sum = data.reduce((total, level) => total + level, 0);
      expect(Math.abs(sum - golden.resized_tv_u8_sum) / data.length).toBeLessThan(0.05); // mean grey level
    }
  });

  /** |a − b| of normalised patches, in grey levels. */
  function levelDifferences(patch: Float32Array, wanted: Float64Array): number[] {
    return Array.from(patch, (value, i) => Math.abs(value - wanted[i]!) * constants.std[Math.floor(i / 392)]! * 255);
  }

  test("the table of sizes", () => {
    for (const { height, width, min_pixels, max_pixels, ...wanted } of sizes) {
      const resize = () => smartResize(height, width, 28, min_pixels, max_pixels);
      if (wanted.error !== undefined) expect(resize, `${height}×${width}`).toThrow(/ratio/);
      else
        expect(resize(), `${height}×${width}`).toEqual({ height: wanted.resized_height, width: wanted.resized_width });
    }
  });
});

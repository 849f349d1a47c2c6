import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { loadPicture } from "../../core/model/processing/picture.ts";
import { Processor } from "../../core/model/processing/processor.ts";
import { goldenDir, goldenJson, goldenTensors, greyLevel, hasPart, tensorOf } from "./support.ts";

/** A picture as Pillow opened it, given to a model's own processor. */
interface GoldenPicture {
  readonly file: string;
  readonly grid_thw?: readonly number[];
  readonly n_rows?: number;
  readonly width_of_row?: number;
  readonly sum?: number;
  readonly sample_rows?: readonly number[];
  readonly prompt_ids?: readonly number[];
  readonly tensor?: string;
  readonly error?: string;
}

const there = hasPart("pictures.json");
const golden = goldenJson<{ readonly model: string; readonly cases: readonly GoldenPicture[] }>("pictures.json");
/** Opened by Pillow, a file is not turned by its EXIF orientation; here it always is. */
const cases = (golden?.cases ?? []).filter(({ file, error }) => error === undefined && !file.startsWith("exif"));

describe.skipIf(!there)("odd pictures", () => {
  test.each(cases)(
    "$file",
    async ({
      file,
      grid_thw,
      n_rows = 0,
      width_of_row = 0,
      sum = 0,
      sample_rows = [],
      prompt_ids = [],
      tensor = "",
    }) => {
      const processor = await Processor.load(join(goldenDir(), "models", golden!.model));
      const picture = processor.encodePicture(
        await loadPicture(join(goldenDir(), "images", file), undefined, { sixteenBit: "clip" }),
      );
      expect(picture.grid).toEqual(grid_thw);
      expect(picture.pixels.length).toBe(n_rows * width_of_row);
      const rows = tensorOf((await goldenTensors("pictures.safetensors"))!, tensor).data;
      const level = greyLevel(picture.layout!);
      const far = sample_rows.flatMap((row, i) =>
        [...picture.pixels.subarray(row * width_of_row, (row + 1) * width_of_row)].filter(
          (value, at) => Math.abs(value - rows[i * width_of_row + at]!) > 2.01 * level,
        ),
      );
      expect(far.length).toBeLessThanOrEqual((sample_rows.length * width_of_row) / 1000);
      expect(
        Math.abs(picture.pixels.reduce((total, value) => total + value, 0) - sum) / picture.pixels.length,
      ).toBeLessThan(level / 4);
      const { ids } = processor.encodePromptWith({ messages: [{ role: "user", content: [{ type: "image" }] }] }, [
        picture,
      ]);
      const start = ids.indexOf(prompt_ids[0]!);
      expect([...ids.subarray(start, start + prompt_ids.length)]).toEqual(prompt_ids);
    },
  );
});

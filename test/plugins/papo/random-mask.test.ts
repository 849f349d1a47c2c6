import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createHost, createRandom } from "@papo/core";
import type { EncodedPicture, Picture, View, ViewContext } from "@papo/core";
import { makeSample } from "@papo/core/testing";
import { RandomMaskPlugin } from "@papo/plugins";
import sharp from "sharp";
import { describe, expect, it } from "vitest";

type Options = ConstructorParameters<typeof RandomMaskPlugin>[0];

const viewOf = (options: Options): View =>
  createHost([new RandomMaskPlugin(options)], { seed: 1 }).views.get("masked")!;
const context = (step = 1, picture = 0): ViewContext => {
  const { row } = makeSample().prompt;
  return { row, step, picture, response: null, random: createRandom(1).key("view", "masked", step, row.id, picture) };
};
const white = (width: number, height: number): Picture => ({
  width,
  height,
  data: new Uint8Array(width * height * 3).fill(255),
  source: "white",
});
const raw = async (options: Options, picture: Picture, at = context()): Promise<Picture> =>
  viewOf(options).raw!(picture, at);

/** "#" for black, "." for white, a line per row. */
const drawn = ({ width, height, data }: Picture): string[] =>
  Array.from({ length: height }, (_, y) =>
    Array.from({ length: width }, (_, x) =>
      data.subarray((y * width + x) * 3, (y * width + x) * 3 + 3).every((value) => value === 0) ? "#" : ".",
    ).join(""),
  );

describe("RandomMaskPlugin on the raw picture", () => {
  it("blackens whole squares, cut at the right and lower border", async () => {
    const picture = white(5, 3);
    const mask = (cells: number) => Array.from({ length: cells }, (_, cell) => [1, 0, 1, 0, 1, 0][cell]!);
    expect(drawn(await raw({ patch: 2, mask }, picture))).toEqual(["##..#", "##..#", "..##."]);
    expect(drawn(picture).join("")).not.toContain("#");
  });

  it("follows from seed, step and picture alone", async () => {
    const picture = white(280, 280);
    const once = drawn(await raw({}, picture));
    expect(drawn(await raw({}, picture))).toEqual(once);
    expect(drawn(await raw({}, picture, context(2)))).not.toEqual(once);
    expect(drawn(await raw({}, picture, context(1, 1)))).not.toEqual(once);
  });

  it("blackens the ratio of squares, all of them at 1 and none at 0", async () => {
    const share = async (ratio: number): Promise<number> => {
      const text = drawn(await raw({ ratio, patch: 2 }, white(200, 200))).join("");
      return [...text].filter((pixel) => pixel === "#").length / text.length;
    };
    // 10,000 squares: five standard deviations are 0.0245.
    expect(Math.abs((await share(0.6)) - 0.6)).toBeLessThan(0.0245);
    expect([await share(0), await share(1)]).toEqual([0, 1]);
  });

  it("manages a picture of one pixel, and says when a given mask does not fit", async () => {
    expect(drawn(await raw({ ratio: 1 }, white(1, 1)))).toEqual(["#"]);
    await expect(raw({ mask: () => [1, 0] }, white(14, 14))).rejects.toThrow(
      'RandomMaskPlugin: the mask given for row "prompt-0", picture 0, has 2 cells, the picture has 1',
    );
  });
});

describe("RandomMaskPlugin on patches", () => {
  // 2 × 4 patches of three channels, two numbers each.
  const picture: EncodedPicture = { hash: "grey", grid: [1, 2, 4], pixels: new Float32Array(8 * 6).fill(0.5) };
  const black = [-1, -2, -3];
  const patches = async (options: Options): Promise<string[]> => {
    const { pixels } = await viewOf({ black, ...options }).patches!(picture, context());
    return Array.from({ length: 8 }, (_, patch) => [...pixels.subarray(patch * 6, patch * 6 + 6)].join());
  };
  const [grey, dark] = ["0.5,0.5,0.5,0.5,0.5,0.5", "-1,-1,-2,-2,-3,-3"];

  it("gives masked patches the normalised black of each channel", async () => {
    expect(await patches({ on: "patches", mask: () => [0, 1, 0, 0, 0, 0, 0, 1] })).toEqual([
      grey,
      dark,
      grey,
      grey,
      grey,
      grey,
      grey,
      dark,
    ]);
    expect(picture.pixels.every((value) => value === 0.5)).toBe(true);
  });

  it("masks merge units as a whole", async () => {
    expect(await patches({ on: "merge", mask: () => [0, 1] })).toEqual([
      grey,
      grey,
      grey,
      grey,
      dark,
      dark,
      dark,
      dark,
    ]);
  });

  it("takes black from the picture's own processor, else from Qwen2.5-VL's", async () => {
    const first = async (encoded: EncodedPicture): Promise<number> =>
      ((await viewOf({ on: "patches", ratio: 1 }).patches!(encoded, context())) as EncodedPicture).pixels[0]!;
    expect(await first(picture)).toBeCloseTo(-1.7922625, 6);
    expect(
      await first({
        ...picture,
        layout: { patch: 1, temporal: 2, merge: 2, order: "tokens", mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
      }),
    ).toBe(-1);
  });
});

describe("RandomMaskPlugin that drops visual tokens", () => {
  it("leaves out the units that it would have painted, and the picture as it is", async () => {
    const [painting, dropping] = [viewOf({ on: "merge" }), viewOf({ on: "merge", fill: "drop" })];
    const picture: EncodedPicture = { hash: "grey", grid: [1, 8, 8], pixels: new Float32Array(64 * 6).fill(0.5) };
    const { pixels } = await painting.patches!(picture, context());
    const painted = Array.from({ length: 16 }, (_, unit) => Number(pixels[unit * 4 * 6] !== 0.5));
    expect(Array.from(dropping.dropped!(16, context()), Number)).toEqual(painted);
    expect(painted).toContain(1);
    expect(dropping.patches).toBeUndefined();
    const unpainted = white(28, 28);
    expect(await dropping.raw!(unpainted, context())).toBe(unpainted);
  });

  it("needs merge units", () => {
    expect(() => new RandomMaskPlugin({ fill: "drop" })).toThrow(
      'RandomMaskPlugin: fill "drop" leaves visual tokens out, which are merge units: it needs on: "merge", not "raw"',
    );
  });
});

describe("RandomMaskPlugin and a row's own masked pictures", () => {
  const rowWith = (fields: Record<string, unknown>, folder?: string): ViewContext => {
    const at = context();
    return { ...at, row: { ...at.row, images: ["a.png"], fields, ...(folder === undefined ? {} : { folder }) } };
  };

  it("uses them as they are, relative to the data's folder, and masks nothing besides", async () => {
    const folder = mkdtempSync(join(tmpdir(), "masks-"));
    await sharp({ create: { width: 3, height: 2, channels: 3, background: "#123456" } })
      .png()
      .toFile(join(folder, "m.png"));
    const given = rowWith({ image_aug: "m.png" }, folder);
    const view = viewOf({ on: "patches", ratio: 1 });
    expect([...((await view.raw!(white(4, 4), given)) as Picture).data.subarray(0, 3)]).toEqual([0x12, 0x34, 0x56]);
    const encoded: EncodedPicture = { hash: "h", grid: [1, 2, 2], pixels: new Float32Array(12).fill(0.5) };
    expect(await view.patches!(encoded, given)).toBe(encoded);
    expect(((await viewOf({ given: null, ratio: 1 }).raw!(white(4, 4), given)) as Picture).data[0]).toBe(0);
  });

  it("says what is wrong with the column", async () => {
    await expect(
      (async () => viewOf({}).raw!(white(4, 4), rowWith({ image_aug: ["a.png", "b.png"] })))(),
    ).rejects.toThrow(
      'column "image_aug" must hold 1 paths of pictures, one per picture of the row, found ["a.png","b.png"]',
    );
    await expect((async () => viewOf({}).raw!(white(4, 4), rowWith({ image_aug: 7 })))()).rejects.toThrow(
      'column "image_aug" must hold 1 paths',
    );
  });

  it("may be one mask per response", () => {
    expect(viewOf({}).scope).toBe("prompt");
    expect(viewOf({ scope: "response" }).scope).toBe("response");
  });
});

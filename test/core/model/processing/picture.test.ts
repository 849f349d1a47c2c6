import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadPicture } from "../../../../core/model/processing/picture.ts";
import { root } from "../../../support/command-line.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "picture-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Red, green; blue, white: [2, 2, 3]. */
const square = Uint8Array.of(255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255);
const raw = (data: Uint8Array | Uint16Array, width: number, height: number, channels: 1 | 2 | 3 | 4) =>
  sharp(data, { raw: { width, height, channels } });

describe("formats", () => {
  test("PNG from a path and from bytes", async () => {
    const bytes = await raw(square, 2, 2, 3).png().toBuffer();
    const file = join(folder, "square.png");
    await writeFile(file, bytes);
    expect(await loadPicture(file)).toEqual({ width: 2, height: 2, data: square, source: file });
    expect(await loadPicture(bytes, "row 7")).toEqual({ width: 2, height: 2, data: square, source: "row 7" });
  });

  const { cases } = JSON.parse(readFileSync(join(root, "test/golden/cases/avif.json"), "utf8")) as {
    cases: readonly { name: string; file: string; values: number[] }[];
  };
  test.each(cases)("AVIF is read within a grey level of Pillow, or refused: $name", async ({ name, file, values }) => {
    const read = loadPicture(Buffer.from(file, "base64"));
    if (/^4:2|limited/.test(name))
      return expect(read).rejects.toThrow(
        /AVIF picture (with colours at half the resolution|that does not say that its values have the full range)/,
      );
    const { data } = await read;
    expect(Math.max(...data.map((value, at) => Math.abs(value - values[at]!)))).toBeLessThanOrEqual(1);
    expect(data.length).toBe(values.length);
  });

  test("EXIF orientation turns the picture upright", async () => {
    const sixth = await raw(square, 2, 2, 3).withMetadata({ orientation: 6 }).png().toBuffer(); // to be turned a quarter clockwise
    expect((await loadPicture(sixth)).data).toEqual(Uint8Array.of(0, 0, 255, 255, 0, 0, 255, 255, 255, 0, 255, 0));
    const wide = await raw(new Uint8Array(6 * 3), 3, 2, 3)
      .withMetadata({ orientation: 8 })
      .jpeg()
      .toBuffer();
    expect(await loadPicture(wide)).toMatchObject({ width: 2, height: 3 });
  });

  test("transparency is composited on white", async () => {
    const rgba = Uint8Array.of(10, 20, 30, 255, 10, 20, 30, 0, 0, 100, 200, 127);
    const { data } = await loadPicture(await raw(rgba, 3, 1, 4).png().toBuffer());
    expect(data).toEqual(Uint8Array.of(10, 20, 30, 255, 255, 255, 128, 178, 228));
    const greyAlpha = await loadPicture(
      await raw(Uint8Array.of(0, 0, 0, 255, 100, 127), 3, 1, 2)
        .png()
        .toBuffer(),
    );
    expect(greyAlpha.data).toEqual(Uint8Array.of(255, 255, 255, 0, 0, 0, 178, 178, 178));
  });

  test("or dropped where that is asked for: the colour under it stays", async () => {
    const rgba = Uint8Array.of(10, 20, 30, 255, 10, 20, 30, 0, 0, 100, 200, 127);
    const { data } = await loadPicture(await raw(rgba, 3, 1, 4).png().toBuffer(), undefined, { transparency: "drop" });
    expect(data).toEqual(Uint8Array.of(10, 20, 30, 10, 20, 30, 0, 100, 200));
  });

  test("16-bit grey is scaled, or clipped as Pillow does", async () => {
    const bytes = await raw(Uint16Array.of(0, 200, 255, 256, 32_768, 65_535), 6, 1, 1)
      .toColourspace("grey16")
      .png()
      .toBuffer();
    expect((await sharp(bytes).metadata()).depth).toBe("ushort");
    const grey = async (sixteenBit?: "scale" | "clip"): Promise<number[]> => {
      const { data } = await loadPicture(bytes, undefined, sixteenBit === undefined ? {} : { sixteenBit });
      return [...data].filter((_, i) => i % 3 === 0);
    };
    expect(await grey()).toEqual([0, 0, 0, 1, 128, 255]);
    expect(await grey("clip")).toEqual([0, 200, 255, 255, 255, 255]);
  });

  test("AVIF is read where its colours are whole, and refused where they are subsampled", async () => {
    const avif = (chromaSubsampling: string) =>
      raw(square, 2, 2, 3).resize(16, 16, { kernel: "nearest" }).avif({ chromaSubsampling, quality: 90 }).toBuffer();
    expect(await loadPicture(await avif("4:4:4"))).toMatchObject({ width: 16, height: 16 });
    await expect(loadPicture(await avif("4:2:0"))).rejects.toThrow(
      /AVIF picture with colours at half the resolution.*convert it to PNG, or to AVIF with 4:4:4/,
    );
    // HEIF has other brands, which say nothing of what is in a file.
    const named = async (chromaSubsampling: string, brand: string): Promise<Buffer> => {
      const bytes = await avif(chromaSubsampling);
      bytes.write(brand, bytes.indexOf("ftyp") + 4, "latin1");
      return bytes;
    };
    expect(await loadPicture(await named("4:4:4", "mif1"))).toMatchObject({ width: 16, height: 16 });
    for (const brand of ["mif1", "msf1", "heic", "xxxx"])
      await expect(loadPicture(await named("4:2:0", brand))).rejects.toThrow(/at half the resolution/);
  });

  test.each([
    ["BMP", [0x42, 0x4d, 1, 2, 3]],
    ["PNM (PBM, PGM, PPM)", [...Buffer.from("P6\n2 2\n255\n")]],
    ["JPEG 2000", [0, 0, 0, 12, 0x6a, 0x50, 0x20, 0x20, 13, 10, 0x87, 10]],
    ["TGA", [0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 2, 0, 24, 32, 1, 2, 3]],
  ])("%s is refused by its name", async (name, bytes) => {
    await expect(loadPicture(Uint8Array.from(bytes), "x")).rejects.toThrow(
      `cannot read the picture x: it is a ${name} picture, and that format is not read: convert it to PNG`,
    );
  });

  test("grey becomes RGB", async () => {
    const { data } = await loadPicture(
      await raw(Uint8Array.of(0, 7, 255), 3, 1, 1)
        .png()
        .toBuffer(),
    );
    expect(data).toEqual(Uint8Array.of(0, 0, 0, 7, 7, 7, 255, 255, 255));
  });

  test("a palette is looked up", async () => {
    const bytes = await raw(square, 2, 2, 3).png({ palette: true, colours: 4, dither: 0 }).toBuffer();
    expect((await sharp(bytes).metadata()).isPalette).toBe(true);
    expect((await loadPicture(bytes)).data).toEqual(square);
  });

  test.each([
    ["grey16", 1],
    ["rgb16", 3],
  ] as const)("16 bits become 8: %s", async (space, channels) => {
    const values = Uint16Array.from({ length: 3 * channels }, (_, i) => [0, 0x8000, 0xffff][Math.floor(i / channels)]!);
    const bytes = await raw(values, 3, 1, channels).toColourspace(space).png().toBuffer();
    expect((await sharp(bytes).metadata()).depth).toBe("ushort");
    expect((await loadPicture(bytes)).data).toEqual(Uint8Array.of(0, 0, 0, 128, 128, 128, 255, 255, 255));
  });

  test("CMYK becomes RGB by the simple product", async () => {
    const flat = Uint8Array.from({ length: 16 * 16 * 3 }, (_, i) => [200, 40, 40][i % 3]!);
    const bytes = await raw(flat, 16, 16, 3).toColourspace("cmyk").tiff({ compression: "none" }).toBuffer();
    expect((await sharp(bytes).metadata()).space).toBe("cmyk");
    const { data, width, height } = await loadPicture(bytes);
    expect([width, height, data.length]).toEqual([16, 16, 768]);
    const [cyan, magenta, yellow, black] = await sharp(bytes)
      .pipelineColourspace("cmyk")
      .toColourspace("cmyk")
      .raw()
      .toBuffer();
    const wanted = [cyan!, magenta!, yellow!].map((ink) => ((255 - ink) * (255 - black!)) / 255);
    for (const [channel, value] of wanted.entries()) expect(Math.abs(data[channel]! - value)).toBeLessThanOrEqual(0.5);
    expect(data[0]).toBeGreaterThan(data[1]! + 100);
  });
});

describe("what cannot be read is named", () => {
  test("a missing file", async () => {
    await expect(loadPicture(join(folder, "gone.png"))).rejects.toThrow(/cannot read the picture .*gone\.png: ENOENT/);
  });

  test("an empty file, and one that is no picture", async () => {
    await expect(loadPicture(new Uint8Array(0), "row 3")).rejects.toThrow("cannot read the picture row 3: it is empty");
    await expect(loadPicture(Buffer.from("hello, world, this is text"), "row 4")).rejects.toThrow(
      /cannot read the picture row 4: /,
    );
  });

  test.each(["png", "jpeg", "webp"] as const)("a truncated %s", async (format) => {
    const noise = Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * 7919) % 251);
    const bytes = await raw(noise, 64, 64, 3).toFormat(format).toBuffer();
    await expect(loadPicture(bytes.subarray(0, bytes.length >> 1), `half.${format}`)).rejects.toThrow(
      `cannot read the picture half.${format}: `,
    );
  });

  test("a PNG with a flipped byte", async () => {
    const bytes = await raw(new Uint8Array(64 * 64 * 3).fill(9), 64, 64, 3)
      .png()
      .toBuffer();
    bytes[bytes.length - 30]! ^= 0xff;
    await expect(loadPicture(bytes, "flipped.png")).rejects.toThrow("cannot read the picture flipped.png: ");
  });
});

test("a picture of more pixels than the limit is refused by its size before it is decoded", async () => {
  // 20 kB in the file, 400 MB decoded.
  const wide = await sharp({ create: { width: 12_000, height: 9000, channels: 3, background: "red" } })
    .png({ compressionLevel: 9 })
    .toBuffer();
  await expect(loadPicture(wide, "bomb.png")).rejects.toThrow(
    "cannot read the picture bomb.png: it has 12000×9000 pixels, more than the 64000000 of the pixel limit: make it smaller (the setting pictures.maxFilePixels allows more)",
  );
  const small = await raw(square, 2, 2, 3).png().toBuffer();
  await expect(loadPicture(small, "small.png", { maxFilePixels: 3 })).rejects.toThrow(
    "it has 2×2 pixels, more than the 3 of the pixel limit",
  );
  expect(await loadPicture(small, "small.png", { maxFilePixels: 4 })).toMatchObject({ width: 2, height: 2 });
});

test("a picture's name cannot steer a terminal", async () => {
  await expect(loadPicture(new Uint8Array(), "row \u001b[2J\u202e1")).rejects.toThrow(
    "cannot read the picture row \\x1b[2J\\u202e1: it is empty",
  );
});

import { createHost, type EncodedPicture, type Picture } from "@papo/core";
import { createRandom } from "../../../core/math/random.ts";
import { KeyRegionsPlugin } from "@papo/plugins";
import { expect, test } from "vitest";
import { goldenJson } from "../../golden/support.ts";

/** A picture of so many tokens of 28 pixels, by a function of the pixel and its channel. */
function drawn(columns: number, rows: number, level: (x: number, y: number, channel: number) => number): Picture {
  const [width, height] = [28 * columns, 28 * rows];
  const data = Uint8Array.from({ length: 3 * width * height }, (_, i) =>
    level(Math.floor(i / 3) % width, Math.floor(i / 3 / width), i % 3),
  );
  return { width, height, data, source: "drawn" };
}

/** The drawings of make_key_regions.py, by the size of the picture. */
const drawings: Readonly<
  Record<string, (width: number, height: number) => (x: number, y: number, channel: number) => number>
> = {
  axes: () => (x, y) => (x % 84 === 40 || y === 50 ? 0 : 255),
  gradient: (width, height) => (x, y, channel) =>
    [Math.floor((255 * x) / width), Math.floor((255 * y) / height), (x + y) % 64][channel]!,
  "half noise": (width) => (x, y, channel) =>
    x < Math.floor(width / 2) ? 200 : (x * 7919 + y * 104729 + x * y * 31 + 85 * channel) % 256,
};

async function regarded(
  picture: Picture,
  grid: EncodedPicture["grid"],
  tokens: number,
  options: ConstructorParameters<typeof KeyRegionsPlugin>[0] = {},
  more: Pick<EncodedPicture, "tiles"> = {},
): Promise<number[]> {
  const view = createHost([new KeyRegionsPlugin(options)], { seed: 1 }).views.get("key-regions")!;
  const row = { id: "r", prompt: "", system: null, images: [], answer: "", fields: {} };
  const encoded: EncodedPicture = { hash: "h", grid, pixels: new Float32Array(1), ...more };
  return Array.from(
    await view.regarded!(
      { picture, encoded, tokens },
      { row, step: 1, response: null, picture: 0, random: createRandom(3) },
    ),
    Number,
  );
}

/** A vertical stroke in the third column of four. */
const stroke = drawn(4, 2, (x) => (x >= 66 && x < 72 ? 0 : 255));

test("tokens with strokes are regarded, of the flat ones the share that is not skipped", async () => {
  expect(await regarded(stroke, [1, 4, 8], 8, { skip: 1 })).toEqual([0, 0, 1, 0, 0, 0, 1, 0]);
  expect(await regarded(stroke, [1, 4, 8], 8, { skip: 0 })).toEqual(new Array(8).fill(1));
  const half = await regarded(stroke, [1, 4, 8], 8, { skip: 0.5 });
  expect([half[2], half[6]]).toEqual([1, 1]);
  // Two flat regions, of four tokens and of two.
  expect(half.reduce((a, b) => a + b, 0)).toBe(2 + 2 + 1);
});

test("a picture without structure still has a token that is regarded", async () => {
  expect(
    (
      await regarded(
        drawn(2, 2, () => 90),
        [1, 4, 4],
        4,
        { skip: 1 },
      )
    ).reduce((a, b) => a + b, 0),
  ).toBe(1);
});

test("tiles of a picture are one picture, tile by tile, and the overview after them is another", async () => {
  // Two tiles of 2 × 2 tokens beside each other, and an overview of 2 × 2.
  const flags = await regarded(stroke, [3, 4, 4], 12, { skip: 1 }, { tiles: { rows: 1, columns: 2 } });
  expect(flags.slice(0, 8)).toEqual([0, 0, 0, 0, 1, 0, 1, 0]);
  expect(flags.slice(8)).toEqual([0, 1, 0, 1]);
});

test("key tokens are those that torch finds", async () => {
  const golden =
    goldenJson<
      readonly {
        readonly name: string;
        readonly rows: number;
        readonly columns: number;
        readonly key: readonly number[];
      }[]
    >("key-regions.json")!;
  for (const { name, rows, columns, key } of golden) {
    const picture = drawn(columns, rows, drawings[name]!(28 * columns, 28 * rows));
    expect(await regarded(picture, [1, 2 * rows, 2 * columns], rows * columns, { skip: 1 }), name).toEqual(key);
  }
});

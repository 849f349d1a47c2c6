import { join } from "node:path";
import sharp from "sharp";
import { beforeAll, expect, test } from "vitest";
import type { EncodedPicture, Picture } from "../../../core/model/processing/picture.ts";
import { createRandom } from "../../../core/math/random.ts";
import type { Row } from "../../../core/contracts/step/row.ts";
import { makePrompt, makeResponseViews } from "../../../core/prompts/prompts.ts";
import { UnusableRowError } from "../../../core/contracts/step/unusable-row.ts";
import { type View, type ViewContext } from "../../../core/contracts/registered/views.ts";
import { withoutPictures } from "../../../core/prompts/without-pictures.ts";
import { makeSample } from "../../../core/testing.ts";
import { temporaryFolder } from "../../support/bandit.ts";
import { tabularProcessor } from "../../support/tabular-policy.ts";

let row: Row;
beforeAll(async () => {
  const folder = temporaryFolder();
  const images = ["black", "white"].map((colour) => join(folder, `${colour}.png`));
  for (const [index, path] of images.entries()) {
    await sharp({ create: { width: 3, height: 2, channels: 3, background: index === 0 ? "black" : "white" } })
      .png()
      .toFile(path);
  }
  row = { id: "r", prompt: "ab", system: null, images, answer: "", fields: {} };
});

const maker = (...views: View[]) => ({
  processor: tabularProcessor,
  views,
  random: createRandom(1),
  maxPromptTokens: 10,
});
const light = (prompt: Awaited<ReturnType<typeof makePrompt>>, view: string): number[] =>
  prompt.views.get(view)!.pictures.map(({ pixels }) => pixels[0]!);

/** Each picture becomes one grey level, drawn. */
const grey = (picture: Picture, { random }: ViewContext): Picture => ({
  ...picture,
  data: picture.data.map(() => Math.floor(random.uniform(0) * 256)),
});
const half = (picture: EncodedPicture): EncodedPicture => ({
  ...picture,
  pixels: picture.pixels.map((value) => value / 2),
});
const noise: View = { name: "noise", raw: grey };
const halved: View = { name: "halved", patches: half };

test("every prompt has its original and each registered view, before or after the processor", async () => {
  const prompt = await makePrompt(row, "r", 1, maker(noise, halved, { name: "both", raw: grey, patches: half }));
  expect([...prompt.views.keys()]).toEqual(["original", "noise", "halved", "both"]);
  expect(light(prompt, "original")).toEqual([0, 1]);
  expect(light(prompt, "halved")).toEqual([0, 0.5]);
  expect(light(prompt, "noise")[0]).not.toBe(light(prompt, "noise")[1]);
  expect([...prompt.views.get("noise")!.ids]).toEqual([...prompt.views.get("original")!.ids]);
});

test("a view's numbers follow from seed, view, step, prompt and picture alone", async () => {
  const draw = async (key: string, step: number, seed = 1) =>
    light(await makePrompt(row, key, step, { ...maker(halved, noise), random: createRandom(seed) }), "noise");
  const first = await draw("r", 1);
  expect(await draw("r", 1)).toEqual(first);
  for (const other of [await draw("r", 2), await draw("r#2", 1), await draw("r", 1, 2)])
    expect(other).not.toEqual(first);
});

test("changed patches have another hash, unchanged content the same", async () => {
  const prompt = await makePrompt(row, "r", 1, maker(halved));
  const hashes = (view: string): string[] => prompt.views.get(view)!.pictures.map(({ hash }) => hash);
  expect(hashes("halved")[1]).not.toBe(hashes("original")[1]);
  expect(new Set(hashes("halved")).size).toBe(2);
});

test("a row that cannot be read, encoded or fitted says which and why", async () => {
  const missing = makePrompt({ ...row, images: ["/none.png"] }, "r", 1, maker());
  await expect(missing).rejects.toThrow(/Row "r" cannot be used: .*\/none\.png/);
  await expect(missing).rejects.toBeInstanceOf(UnusableRowError);
  await expect(makePrompt({ ...row, prompt: "123" }, "r", 1, maker())).rejects.toThrow(
    /Row "r" cannot be used: the prompt "123" has no letter/,
  );
  await expect(makePrompt({ ...row, prompt: "abcdefabc" }, "r", 1, maker())).rejects.toMatchObject({
    kind: "long",
    message: 'Row "r" has a prompt of 11 tokens, maxPromptTokens is 10',
  });
});

test("a view that fails is named, and no reason to leave the row out", async () => {
  const failing: View = {
    name: "broken",
    raw: () => {
      throw new Error("no idea");
    },
  };
  const made = makePrompt(row, "r", 1, maker(failing));
  await expect(made).rejects.toThrow('The view "broken" failed on row "r": no idea');
  await expect(made).rejects.not.toBeInstanceOf(UnusableRowError);
});

test("a view may rewrite the text, take the pictures away, and leave visual tokens out", async () => {
  const blind = { name: "blind", dropped: (tokens: number) => new Uint8Array(tokens).fill(1) };
  const seeing = { name: "seeing", dropped: (tokens: number) => new Uint8Array(tokens) };
  const text = { name: "text", prompt: withoutPictures };
  const prompt = await makePrompt(row, "r", 1, maker(blind, seeing, text));
  expect([...prompt.views.get("blind")!.dropped!]).toEqual(row.images.map(() => 1));
  expect(prompt.views.get("blind")!.ids).toEqual(prompt.views.get("original")!.ids);
  expect("dropped" in prompt.views.get("seeing")!).toBe(false);
  expect(prompt.views.get("text")!.pictures).toEqual([]);
  expect(prompt.views.get("text")!.ids.length).toBe(prompt.views.get("original")!.ids.length - row.images.length);
});

test("flags that do not fit a picture's tokens are an error that names view and row", async () => {
  await expect(makePrompt(row, "r", 1, maker({ name: "odd", dropped: () => [0, 0] }))).rejects.toThrow(
    'The view "odd" failed on row "r": it gave 2 flags for the 1 visual tokens of picture 0',
  );
});

test("views of single responses are made for each, with random numbers of their own, and leave the prompt's alone", async () => {
  const own = {
    name: "own",
    scope: "response" as const,
    patches: (picture: EncodedPicture, { random }: ViewContext) => ({
      ...picture,
      pixels: picture.pixels.map(() => random.uniform(0)),
    }),
  };
  const prompt = await makePrompt(row, "r", 1, maker(own));
  expect([...prompt.views.keys()]).toEqual(["original"]);
  const samples = [0, 1, 2].map((index) => ({ ...makeSample({ index }), prompt, views: prompt.views }));
  await makeResponseViews(samples, 1, maker(own));
  const light = samples.map(({ views }) => views.get("own")!.pictures[0]!.pixels[0]!);
  expect(new Set(light).size).toBe(3);
  expect(samples.every(({ views }) => views.get("original") === prompt.views.get("original"))).toBe(true);
  await makeResponseViews(samples, 1, maker(own));
  expect(samples.map(({ views }) => views.get("own")!.pictures[0]!.pixels[0]!)).toEqual(light);
});

test("pixel limits are the run's, but for those of the row's own columns, and views keep them", async () => {
  const limits: unknown[] = [];
  const processor = {
    ...tabularProcessor,
    pictures: { maxPixels: 5000 },
    encodePictures: (pictures: readonly Picture[]) => {
      limits.push(...pictures.map((picture) => picture.limits));
      return tabularProcessor.encodePictures(pictures);
    },
  };
  const unsized: View = {
    name: "unsized",
    raw: ({ width, height, data, source }) => ({ width, height, data: data.slice(), source }),
  };
  await makePrompt({ ...row, fields: { min_pixels: 100n, max_pixels: 900 } }, "r", 1, { ...maker(unsized), processor });
  expect(limits).toEqual(new Array(4).fill({ minPixels: 100, maxPixels: 900 }));
  limits.length = 0;
  await makePrompt(row, "r", 1, { ...maker(), processor });
  expect(limits).toEqual(new Array(2).fill({ minPixels: null, maxPixels: 5000 }));
  await expect(makePrompt({ ...row, fields: { max_pixels: "many" } }, "r", 1, maker())).rejects.toThrow(
    'column "max_pixels" holds "many"; a whole number of pixels above 0 is needed',
  );
});

test("a view may regard some visual tokens and change values, and is read as the original", async () => {
  const second: View = {
    name: "second",
    regarded: ({ encoded, tokens }) => new Uint8Array(tokens).fill(Number(encoded.pixels[0]! > 0)),
  };
  const all: View = { name: "all", regarded: ({ tokens }) => new Uint8Array(tokens).fill(1) };
  const prompt = await makePrompt(row, "r", 1, maker(second, all, { name: "changed", values: { deviations: 2 } }));
  const [original, seen] = [prompt.views.get("original")!, prompt.views.get("second")!];
  expect([...seen.regarded!]).toEqual([0, 1]);
  expect([seen.ids, seen.pictures.map(({ hash }) => hash)]).toEqual([
    original.ids,
    original.pictures.map(({ hash }) => hash),
  ]);
  expect("regarded" in prompt.views.get("all")!).toBe(false);
  expect(prompt.views.get("changed")).toEqual({ ...original, values: { deviations: 2 } });
  await expect(makePrompt(row, "r", 1, maker({ name: "odd", regarded: () => [1, 1] }))).rejects.toThrow(
    "it gave 2 flags for the 1 visual tokens of picture 0",
  );
});

test("without a picture there are no values to change", async () => {
  const prompt = await makePrompt(
    { ...row, images: [] },
    "r",
    1,
    maker({ name: "changed", values: { deviations: 2 } }),
  );
  expect("values" in prompt.views.get("changed")!).toBe(false);
});

import { describe, expect, test } from "vitest";
import { createHost, type Prompt, type Sample } from "@papo/core";
import { ZoomInPlugin } from "@papo/plugins";
import { cropped, regionOf } from "../../../plugins/deepeyes/region.ts";
import type { JudgedGroup } from "../../../core/contracts/step/batch.ts";

/** Each pixel holds its column, its row and 7. */
const picture = (width: number, height: number) => ({
  width,
  height,
  source: "p.png",
  data: Uint8Array.from(
    { length: 3 * width * height },
    (_, i) => [Math.floor(i / 3) % width, Math.floor(i / 3 / width), 7][i % 3]!,
  ),
});
const prompt = (...pictures: ReturnType<typeof picture>[]) => ({ pictures }) as unknown as Prompt;
const cells = { region: "\\b([a-d])([1-4])\\b", units: "pixels", cell: 28 } as const;
const call = (box: string): string =>
  `<think> there </think> <tool_call>{"name": "image_zoom_in_tool", "arguments": {"bbox_2d": [${box}], "label": "sign"}}</tool_call>`;

describe("a region", () => {
  test("is the last one that a text names", () => {
    expect(regionOf("a1 red 4 , then b3", cells)!.box(picture(84, 84))).toEqual([56, 28, 84, 56]);
    expect(regionOf("nothing of the kind", cells)).toBeNull();
    const { units, region } = new ZoomInPlugin().options;
    expect(regionOf(call("1, 2.5, 30, 40"), { region, units, cell: 28 })!.box(picture(84, 84))).toEqual([
      1, 2.5, 30, 40,
    ]);
    expect(
      regionOf(call("100, 0, 500, 1000"), { region, units: "thousandths", cell: 28 })!.box(picture(50, 20)),
    ).toEqual([5, 0, 25, 20]);
    expect(() => regionOf("ab", { ...cells, region: "(a)(b)()" })).toThrow("region has 3 groups; give it four");
  });

  test("is cut out, inside of the picture, and widened", () => {
    const whole = picture(10, 8);
    const part = cropped(whole, [2.4, 1, 4.2, 3], 1)!;
    expect([part.width, part.height, part.source]).toEqual([3, 2, "p.png [2, 1, 5, 3]"]);
    expect([...part.data]).toEqual([2, 1, 7, 3, 1, 7, 4, 1, 7, 2, 2, 7, 3, 2, 7, 4, 2, 7]);
    expect(cropped(whole, [8, -5, 40, 2], 4)).toMatchObject({ width: 4, height: 4, source: "p.png [6, 0, 10, 4]" });
    expect(cropped(whole, [4, 4, 5, 5], 100)).toMatchObject({ width: 10, height: 8 });
    for (const box of [
      [10, 0, 12, 4],
      [4, 4, 4, 8],
      [5, 5, 2, 2],
      [NaN, 0, 5, 5],
      [-9, 0, -1, 5],
    ] as const)
      expect(cropped(whole, box, 4), box.join()).toBeNull();
  });
});

describe("what is said after a turn", () => {
  const plugin = new ZoomInPlugin({ words: "at {region} : <image>" });
  test("is the region, that there is none, or nothing", () => {
    expect(plugin.reply({ prompt: prompt(picture(84, 84)), text: call("0, 0, 40, 40") })).toMatchObject({
      text: "at 0, 0, 40, 40 : <image>",
      pictures: [{ width: 40, height: 40 }],
    });
    expect(plugin.reply({ prompt: prompt(picture(84, 84)), text: call("90, 0, 95, 40") })).toEqual({
      text: "<tool_response>There is nothing at 90, 0, 95, 40 of the picture.</tool_response>",
    });
    expect(
      new ZoomInPlugin({ missing: "" }).reply({ prompt: prompt(picture(84, 84)), text: call("90, 0, 95, 40") }),
    ).toBeNull();
    expect(plugin.reply({ prompt: prompt(picture(84, 84)), text: "I see enough." })).toBeNull();
    expect(
      plugin.reply({ prompt: prompt(picture(84, 84)), text: `${call("0, 0, 40, 40")} <answer> B </answer>` }),
    ).toBeNull();
    expect(plugin.reply({ prompt: prompt(), text: call("0, 0, 40, 40") })).toBeNull();
  });
});

test("right responses that have looked earn the bonus, and no others", async () => {
  const { hooks, takeMetrics, environments, beginStep } = createHost([new ZoomInPlugin({ bonus: 0.5 })], { seed: 1 });
  expect(environments.get("zoom-in")).toMatchObject({ maxTurns: 5, maxVisualTokens: 1280 });
  beginStep({ step: 1, steps: 1 });
  const tokens = Int32Array.of(1);
  const shown = [{ hash: "h", grid: [1, 2, 2], pixels: new Float32Array(4) }] as const;
  const said = (pictures?: typeof shown) => ({
    source: "environment",
    tokens,
    text: "",
    ...(pictures === undefined ? {} : { pictures }),
  });
  const sample = (accuracy: number, ...between: readonly ReturnType<typeof said>[]): Sample =>
    ({
      prompt: { key: "p" },
      parts: { accuracy },
      response: { segments: [{ source: "policy", tokens, text: "" }, ...between] },
    }) as unknown as Sample;
  const samples = [sample(1, said(shown), said(shown)), sample(0, said(shown)), sample(1), sample(1, said())];
  const group = { key: "p", prompt: { row: { id: "p" } }, samples } as unknown as JudgedGroup;
  await expect(hooks.rewards.promise([1, 0, 1, 1], group)).resolves.toEqual([1.5, 0, 1, 1]);
  expect(takeMetrics()).toEqual({
    "deepeyes/looked": 0.5,
    "deepeyes/looks": 0.75,
    "deepeyes/missing": 0.25,
    "deepeyes/bonus": 0.125,
  });
});

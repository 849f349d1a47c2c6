import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { arrayDataset, type RowInput } from "../../core/data/dataset.ts";
import { openJsonl } from "../../core/data/formats/jsonl.ts";
import { Processor } from "../../core/model/processing/processor.ts";
import { supervisedBatches } from "../../core/pipeline/supervised.ts";
import { promptProcessor } from "../../core/worker/prompt-processor.ts";
import { MathRewardPlugin } from "@papo/plugins";
import { BanditPlugin } from "../support/bandit.ts";
import { newFolder, type Outcome, removeFolders, tinyModel, trainSmall } from "./support.ts";

afterAll(removeFolders);

let folder = "";
const at = (name: string): string => join(folder, name);
const png = (width: number, height: number): Promise<Buffer> =>
  sharp({ create: { width, height, channels: 3, background: { r: 200, g: 30, b: 30 } } })
    .png()
    .toBuffer();

beforeAll(async () => {
  folder = newFolder();
  const good = await png(56, 56);
  const bomb = Buffer.from(good);
  // The header claims 30000×30000 pixels.
  bomb.writeUInt32BE(30_000, 16);
  bomb.writeUInt32BE(30_000, 20);
  bomb.writeUInt32BE(crc32(bomb.subarray(12, 29)), 29);
  const files = {
    "good.png": good,
    "cut.png": good.subarray(0, good.length - 30),
    "text.png": "this is no picture",
    "nothing.png": "",
    "bomb.png": bomb,
    "point.png": await png(1, 1),
    "line.png": await png(20_000, 10),
  };
  for (const [name, content] of Object.entries(files)) writeFileSync(at(name), content);
  mkdirSync(at("folder.png"));
});

describe("a picture", () => {
  const oneStep = { steps: 1, promptsPerStep: 1, parityPrompts: 0, checkpointEvery: 0 };
  const only = (name: string): Promise<Outcome> =>
    trainSmall({ rows: [{ id: "seen", prompt: "What?", images: [at(name)] }], settings: oneStep });

  test.each([
    ["cut.png", /cut\.png: .+/],
    ["text.png", /text\.png: .*unsupported image format/],
    ["nothing.png", /nothing\.png: it is empty/],
    ["folder.png", /folder\.png: it is a folder/],
    ["gone.png", /gone\.png: ENOENT/],
    ["bomb.png", /bomb\.png: .*pixel limit/],
    [
      "line.png",
      /line\.png: a picture of 20000×10 has sides in a ratio of 2000, and at most 200 can be encoded: crop or drop it/,
    ],
  ])("%s stops the run with its name and the way out", async (name, reason) => {
    const { error, summary } = await only(name);
    expect(summary).toBeNull();
    expect(error).toMatch(/Row "seen" cannot be used: /);
    expect(error).toMatch(reason);
    expect(error).toContain('onBadRow: "skip" would leave such rows out');
  });

  test("of one pixel trains", async () => {
    const { error, metrics } = await only("point.png");
    expect(error).toBeNull();
    expect(metrics[0]).toMatchObject({ "data/skipped": 0, "learner/updates": 1 });
  });

  test("that is bad is left out, told and counted where the user asks for it", async () => {
    const bad = ["cut.png", "text.png", "nothing.png", "folder.png", "line.png"].map((name) => ({
      id: name,
      prompt: "What?",
      images: [at(name)],
    }));
    const rows = [...bad, { id: "good", prompt: "What?", images: [at("good.png")] }];
    const { error, summary, skips, metrics } = await trainSmall({
      rows,
      settings: { onBadRow: "skip", promptsPerStep: 2 },
    });
    expect(error).toBeNull();
    expect(summary?.skippedRows).toBe(skips.length);
    expect(metrics.reduce((sum, step) => sum + Number(step["data/skipped"]), 0)).toBe(skips.length);
    for (const { id } of bad) expect(skips.some((skip) => skip.startsWith(`row "${id}": `))).toBe(true);
  });
});

describe("a dataset", () => {
  const open = (lines: readonly string[], onBadRow: "stop" | "skip" = "stop") => {
    writeFileSync(at("rows.jsonl"), lines.join("\n"));
    return openJsonl(at("rows.jsonl"), { onBadRow });
  };
  const good = JSON.stringify({ prompt: "Count.", answer: "1" });

  test("that is empty, or of bad rows only, is refused before anything is done", async () => {
    expect((await trainSmall({ dataset: await open([]) })).error).toBe(
      'Dataset "rows.jsonl" is empty: there is nothing to train on',
    );
    const { error, output } = await trainSmall({ dataset: await open(["{", "[]"], "skip") });
    expect(error).toMatch(/"rows\.jsonl" is empty after leaving out 2 rows \(first rows\.jsonl, line 1: not JSON/);
    expect(() => readFileSync(join(output, "metrics.jsonl"))).toThrow();
    const hopeless = [1, 2, 3].map((id) => ({ id: String(id), prompt: "What?", images: [at("text.png")] }));
    const outcome = await trainSmall({ rows: hopeless, settings: { onBadRow: "skip", parityPrompts: 0 } });
    expect(outcome.error).toMatch(
      /Step 1 failed: The last \d+ rows could not be used, every row of the dataset among them: see the skips/,
    );
    expect(outcome.skips.length).toBeGreaterThanOrEqual(3);
  });

  test("with a bad line stops with file and line, or leaves it out, told and counted", async () => {
    await expect(open([good, '{"prompt": "a'])).rejects.toThrow(
      /rows\.jsonl, line 2: not JSON .*\(onBadRow: "skip" leaves such rows out\)/,
    );
    await expect(open([JSON.stringify({ ask: "a", answer: "b" })])).rejects.toThrow(
      /line 1: column "prompt" .* columns found: ask, answer.*columns: \{ prompt:/,
    );
    await expect(open([JSON.stringify({ prompt: "a", answer: "b", images: ["gone.png"] })])).rejects.toThrow(
      /line 1: picture .*gone\.png does not exist/,
    );
    await expect(openJsonl(at("nowhere.jsonl"))).rejects.toThrow(/The dataset .*nowhere\.jsonl cannot be read: ENOENT/);
    const { error, summary, skips } = await trainSmall({
      dataset: await open([good, "nonsense", good], "skip"),
      settings: { steps: 1 },
    });
    expect(error).toBeNull();
    expect(summary?.skippedRows).toBe(1);
    expect(skips).toEqual([expect.stringMatching(/^rows\.jsonl, line 2: not JSON/)]);
  });
});

test("supervised training draws its batches from the rows that are good, and gives up only where none is", async () => {
  const processor = promptProcessor(await Processor.load(tinyModel));
  const bad = ["cut.png", "text.png", "nothing.png"].map((name) => ({ id: name, prompt: "What?", images: [at(name)] }));
  const batches = (rows: readonly RowInput[]) => {
    const skipped: string[] = [];
    const dataset = arrayDataset(rows);
    const settings = { seed: 1, promptsPerStep: 6, maxPromptTokens: 100 };
    return {
      skipped,
      batches: supervisedBatches({
        dataset,
        processor,
        settings,
        responseOf: () => "1",
        onSkip: ({ id }) => skipped.push(id),
      }),
    };
  };
  const mixed = batches([...bad, { id: "good", prompt: "What?", images: [at("good.png")] }]);
  expect((await mixed.batches.next()).value).toHaveLength(6);
  expect(new Set(mixed.skipped)).toEqual(new Set(bad.map(({ id }) => id)));
  await expect(batches(bad).batches.next()).rejects.toThrow(
    /none of the 3 rows of rows can be used; the last: Row ".*" cannot be used/,
  );
});

describe("a prompt", () => {
  const rows = [
    { id: "short", prompt: "Count." },
    { id: "long", prompt: "Count all of them. ".repeat(30) },
  ];

  test("over the limit stops the run, or is left out, told and counted", async () => {
    const stopped = await trainSmall({ rows, settings: { maxPromptTokens: 60, promptsPerStep: 2 } });
    expect(stopped.error).toMatch(
      /Row "long" has a prompt of \d+ tokens, maxPromptTokens is 60 \(onLongPrompt: "skip" would leave such rows out\)/,
    );
    const { error, summary, skips } = await trainSmall({
      rows,
      settings: { maxPromptTokens: 60, onLongPrompt: "skip" },
    });
    expect(error).toBeNull();
    expect(summary?.skippedRows).toBeGreaterThan(0);
    expect(skips).toHaveLength(summary!.skippedRows);
    expect(skips[0]).toMatch(/^row "long": Row "long" has a prompt of \d+ tokens/);
  });

  test("that writes a picture's token, or marks pictures it does not have, is refused", async () => {
    expect((await trainSmall({ rows: [{ id: "a", prompt: "<|image_pad|>" }] })).error).toMatch(
      /Row "a" cannot be used: .*<\|image_pad\|> must not be written/,
    );
    expect(
      (await trainSmall({ rows: [{ id: "b", prompt: "<image> and <image>", images: [at("good.png")] }] })).error,
    ).toMatch(/Row "b" cannot be used: the prompt has 2 <image> marks and 1 pictures/);
  });
});

describe("an answer that no reward can be given for", () => {
  const rows: readonly RowInput[] = [
    { id: "broken", prompt: "Count.", answer: "\\frac{1}{" },
    { id: "empty", prompt: "Look.", answer: " " },
    { id: "good", prompt: "Name it.", answer: "1/2" },
  ];
  const run = (settings: object): Promise<Outcome> =>
    trainSmall({
      rows,
      plugins: [new MathRewardPlugin(), new BanditPlugin()],
      settings: {
        steps: 2,
        promptsPerStep: 1,
        samplesPerPrompt: 2,
        parityPrompts: 0,
        checkpointEvery: 0,
        seed: 3,
        ...settings,
      },
    });

  test("stops the run before anything is sampled for it, or is left out and counted: it is never a reward of 0", async () => {
    const stopped = await run({});
    expect(stopped.error).toMatch(
      /Row "(broken|empty)" cannot be used: the reward "accuracy" cannot judge it, its answer cannot be read: (\\frac\{1\}\{|it is empty) \(onBadRow: "skip" would leave such rows out\)/,
    );
    const skipping = await run({ onBadRow: "skip", steps: 4 });
    expect(skipping.error).toBeNull();
    expect(skipping.summary!.skippedRows).toBeGreaterThan(2);
  });
});

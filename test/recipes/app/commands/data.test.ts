import { writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { beforeAll, expect, test, vi } from "vitest";
import { data } from "../../../../recipes/app/commands/data.ts";
import { temporaryFolder } from "../../../support/bandit.ts";

const folder = temporaryFolder();
const lines = (rows: readonly object[]): string => rows.map((row) => JSON.stringify(row)).join("\n");

/** A picture with edges, by its seed. */
const drawn = (seed: number) =>
  sharp(
    Buffer.from(
      Array.from(
        { length: 64 * 64 },
        (_, at) => 128 + 127 * Math.sin(seed + (at % 64) / (3 + seed) + Math.floor(at / 64) / 5),
      ),
    ),
    { raw: { width: 64, height: 64, channels: 1 } },
  );

beforeAll(async () => {
  for (const seed of [1, 2, 3])
    await drawn(seed)
      .png()
      .toFile(join(folder, `${seed}.png`));
  // The same picture, smaller and in another format.
  await drawn(2).resize(48, 48).jpeg({ quality: 80 }).toFile(join(folder, "held.jpg"));
  writeFileSync(join(folder, "broken.png"), "no picture");
  writeFileSync(
    join(folder, "train.jsonl"),
    lines([
      { id: "good", prompt: "a", answer: "\\frac{1}{2}", images: ["1.png"] },
      { id: "words", prompt: "a", answer: "Evelyn, the third", images: ["1.png", "3.png"] },
      // A form feed, which was a backslash and an f.
      { id: "lost", prompt: "e", answer: "\frac{3}{4}" },
      { id: "seen", prompt: "b", answer: "2", images: ["2.png"] },
      { id: "again", prompt: "a", answer: "\\frac{1}{2}", images: ["1.png"] },
      { id: "unparsable", prompt: "c", answer: "\\begin{tikzpicture}\\draw" },
      { id: "empty", prompt: "c", answer: " " },
      { id: "broken", prompt: "d", answer: "1", images: ["broken.png"] },
      { id: "missing", prompt: "d", answer: "1", images: ["absent.png"] },
    ]),
  );
  writeFileSync(join(folder, "test.jsonl"), lines([{ id: "t1", prompt: "x", answer: "1", images: ["held.jpg"] }]));
});

async function run(...args: readonly string[]): Promise<string[]> {
  const said: string[] = [];
  const log = vi.spyOn(console, "log").mockImplementation((text: string) => void said.push(...text.split("\n")));
  await data.run(["check", join(folder, "train.jsonl"), ...args]).finally(() => log.mockRestore());
  return said;
}

test("names what is wrong with which row, and counts it", async () => {
  const said = await run("--against", join(folder, "test.jsonl"));
  expect(said[0]).toBe("train.jsonl: 8 rows; 3 without pictures, 4 with one, 1 with several");
  expect(said.slice(1, -1)).toEqual([
    expect.stringMatching(/^unusable row: row "train\.jsonl, line 9": picture .*absent\.png does not exist/),
    'empty answer: row "empty": the answer is empty',
    'unparsable answer: row "unparsable": \\begin{tikzpicture}\\draw',
    expect.stringMatching(/^broken picture: row "broken": cannot read the picture .*broken\.png/),
    'lost backslash: row "lost": "\\frac{3}{4}" is read as "\\\\frac{3}{4}"',
    'repeated row: row "again": the same question, answer and pictures as "good"',
    'repeated picture: row "words": one of its pictures is also in "good", which asks something else',
    expect.stringMatching(
      /^leak: row "seen": its picture .*2\.png looks like .*held\.jpg of "t1" in test\.jsonl, \d of 64 bits differ; asked are "b" and "x"$/,
    ),
    "the answer stands in the question of 0 of 8 rows (0.0 %)",
  ]);
  expect(JSON.parse(said.at(-1)!)).toEqual({
    rows: 8,
    "unusable row": 1,
    marks: 0,
    "empty answer": 1,
    "unparsable answer": 1,
    "lost backslash": 1,
    "broken picture": 1,
    "missing value": 0,
    "answer in the question": 0,
    "control token": 0,
    "repeated row": 1,
    "repeated picture": 1,
    leak: 1,
  });
});

test("without a test set there are no leaks; columns are mapped, and mistakes named", async () => {
  expect(JSON.parse((await run()).at(-1)!)).toMatchObject({ leak: 0 });
  await expect(run("--columns", "prompt=question")).rejects.toThrow(
    'train.jsonl has no column "question" (the prompt); columns found: id, prompt, answer, images;',
  );
  await expect(run("--columns", "prompt")).rejects.toThrow('--columns: "prompt" is not name=column');
  await expect(data.run(["chek"])).rejects.toThrow("something is missing: papo data takes check <rows.jsonl");
});

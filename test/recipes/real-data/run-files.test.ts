import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseSettings } from "@papo/core";
import { preset } from "@papo/recipes";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { trainCommand } from "../../../recipes/app/commands/train.ts";
import { openSources } from "../../../recipes/run-file/data-source.ts";
import { loadRunFile } from "../../../recipes/run-file/run-file.ts";
import { root } from "../../support/command-line.ts";
import { writeGeometry3k, writeMmk12, writeVirl39k } from "./layouts.ts";

let folder = "";
beforeAll(async () => {
  folder = mkdtempSync(join(root, "runs-test-"));
  await Promise.all([
    writeVirl39k(join(folder, "ViRL39K")),
    writeGeometry3k(join(folder, "geometry3k")),
    writeMmk12(join(folder, "MMK12")),
  ]);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const fileOf = (name: string): string => join(root, `recipes/real-data/${name}.ts`);

/** What is set to train a step of a tiny model on the small files. */
function tiny(name: string, data: string): string[] {
  const settings = [
    "steps=1",
    "promptsPerStep=2",
    "promptsPerRound=2",
    "promptsPerMinibatch=2",
    "maxRounds=1",
    "samplesPerPrompt=2",
    "sampling.maxNewTokens=4",
    "parityPrompts=0",
    "checkpointEvery=0",
    "pictures.minPixels=null",
    "pictures.maxPixels=null",
  ];
  return [
    `model=${join(root, "recipes/app/tasks/shapes/start-model")}`,
    `data.path=${join(folder, data)}`,
    "evaluation=null",
    ...settings.map((setting) => `settings.${setting}`),
  ]
    .flatMap((override) => ["--set", override])
    .concat("--output", join(folder, "out", name), "--quiet");
}

test.each([
  ["virl39k", "ViRL39K/39Krelease.parquet"],
  ["geometry3k", "geometry3k"],
  ["mmk12", "MMK12"],
])(
  "%s trains a step on data of its layout",
  async (name, data) => {
    const out = vi.spyOn(process.stdout, "write").mockReturnValue(true);
    const err = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    await trainCommand
      .run([fileOf(name), ...tiny(name, data)])
      .finally(() => [out, err].forEach((spy) => spy.mockRestore()));
    expect(readFileSync(join(folder, "out", name, "metrics.jsonl"), "utf8").split("\n")).toHaveLength(2);
    expect(existsSync(join(folder, "out", name, "checkpoints/step-1/policy/model/model.safetensors"))).toBe(true);
  },
  60_000,
);

test.each([
  [
    "virl39k",
    "ViRL39K/39Krelease.parquet",
    "drawn-1",
    "\\boxed{4}",
    /^How many corners does shape 1 have\?\n\nYou first think/,
  ],
  ["geometry3k", "geometry3k", null, "1 \\sqrt { 2 }", /^Find x in figure 1\. You FIRST think/],
  ["mmk12", "MMK12", "train-1", "B", /^What does part 1 show\?\n\nThink about it first/],
])("%s reads question, answer, picture and id", async (name, data, id, answer, question) => {
  const run = await loadRunFile(fileOf(name), { set: [`data.path=${join(folder, data)}`] });
  const dataset = await openSources(run.data);
  expect([dataset.size, dataset.skipped]).toEqual([4, []]);
  const row = await dataset.row(1);
  expect(row.prompt.replace(/^<image>/, "")).toMatch(question);
  expect(row).toMatchObject({ answer, ...(id === null ? {} : { id }), images: [expect.anything()] });
});

test("their settings are the published ones", async () => {
  const settingsOf = async (name: string) => parseSettings((await loadRunFile(fileOf(name))).settings);
  const { pictures: _read, onBadRow: _rows, ...published } = parseSettings(preset("papo-g-7b").settings);
  expect(await settingsOf("virl39k")).toMatchObject(published);
  expect(await settingsOf("mmk12")).toMatchObject({
    steps: Math.floor((2 * 15_616) / 384),
    promptsPerStep: 384,
    learningRate: 1e-6,
    promptsPerRound: 128,
  });
  expect(await settingsOf("geometry3k")).toMatchObject({
    steps: 15 * Math.floor(2101 / 512),
    promptsPerStep: 512,
    samplesPerPrompt: 5,
    promptsPerMinibatch: 128,
  });
});

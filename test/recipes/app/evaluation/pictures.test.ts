import { join } from "node:path";
import sharp from "sharp";
import { beforeAll, expect, test } from "vitest";
import { createRandom, loadPicture, type Row } from "@papo/core";
import { arrayDataset } from "../../../../core/data/dataset.ts";
import { evaluateModel } from "../../../../recipes/app/evaluation/evaluate-model.ts";
import { rewardJudge } from "../../../../recipes/app/evaluation/judges.ts";
import { changedPictures, conditionsOf } from "../../../../recipes/app/evaluation/pictures.ts";
import { tabularPolicy } from "../../../support/tabular-policy.ts";
import { temporaryFolder } from "../../../support/bandit.ts";

const folder = temporaryFolder();
const file = (name: string): string => join(folder, `${name}.png`);
beforeAll(async () => {
  for (const [index, name] of ["a", "b", "c"].entries())
    await sharp({ create: { width: 4 + index, height: 3, channels: 3, background: "red" } })
      .png()
      .toFile(file(name));
});

const dataset = arrayDataset([
  { id: "1", prompt: "<image> What?", images: [file("a")] },
  { id: "2", prompt: "No picture." },
  { id: "3", prompt: "Which?", images: [file("b")] },
  { id: "4", prompt: "Both <image><image>", images: [file("a"), file("c")] },
]);
const rows = async () => Promise.all(Array.from({ length: dataset.size }, async (_, index) => dataset.row(index)));
const context = (row: Row) => ({ row, step: 0, response: null, random: createRandom(1) });
const original = async (row: Row) => ({
  prompt: row.prompt,
  system: null,
  pictures: await Promise.all(row.images.map((source) => loadPicture(source as string))),
});

test("grey pictures have the size of the real ones", async () => {
  const { view, applies } = await changedPictures("blank", dataset);
  const [first, second] = await rows();
  expect([applies(first!), applies(second!)]).toEqual([true, false]);
  const [picture] = (await original(first!)).pictures;
  const grey = await view.raw!(picture!, { ...context(first!), picture: 0 });
  expect([grey.width, grey.height, new Set(grey.data)]).toEqual([4, 3, new Set([128])]);
});

test("swapped pictures are another question's, as many; who has no such question is left out", async () => {
  const { view, applies } = await changedPictures("swapped", dataset);
  const all = await rows();
  expect(all.map(applies)).toEqual([true, false, true, false]);
  for (const [own, other] of [
    [0, 2],
    [2, 0],
  ] as const) {
    const changed = await view.prompt!(await original(all[own]!), context(all[own]!));
    expect([changed.prompt, changed.pictures]).toEqual([all[own]!.prompt, (await original(all[other]!)).pictures]);
  }
});

test("absent pictures leave no mark; names that are no condition are refused", async () => {
  const { view, applies } = await changedPictures("absent", dataset);
  const [first] = (await rows()).filter(applies);
  expect(await view.prompt!(await original(first!), context(first!))).toEqual({
    prompt: "What?",
    system: null,
    pictures: [],
  });
  expect(conditionsOf("--pictures", ["absent", "masked"])).toEqual(["real", "masked", "absent"]);
  expect(() => conditionsOf("--pictures", ["black"])).toThrow(
    '--pictures takes real, masked, blank, swapped, absent, not "black"',
  );
});

const verifier = { verify: () => Promise.reject(new Error("nothing is to be judged")) };

test("an evaluation without a row that has pictures has nothing to make blank", async () => {
  const settings = {
    model: "m",
    data: "d",
    samples: 1,
    temperature: 0,
    topP: 1,
    topK: 0,
    maxNewTokens: 5,
    seed: 1,
    pictures: "blank" as const,
  };
  const words = arrayDataset([{ prompt: "a" }], "words");
  await expect(
    evaluateModel({ policy: tabularPolicy(), dataset: words, settings, judge: rewardJudge(verifier), output: null }),
  ).rejects.toThrow('Dataset "words" has no pictures: there is nothing to make blank');
});

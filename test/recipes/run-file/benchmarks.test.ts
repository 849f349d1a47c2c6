import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { loadPicture, loadSource, type Row } from "@papo/core";
import { Verifier } from "@papo/plugins";
import { makeSample } from "@papo/core/testing";
import { benchmarkOf, benchmarks, type BenchmarkName } from "../../../recipes/run-file/benchmarks.ts";
import { openSources } from "../../../recipes/run-file/data-source.ts";
import { verifierJudge } from "../../../recipes/app/evaluation/judges.ts";
import { root } from "../../support/command-line.ts";

/** Files that Hugging Face datasets wrote (make_benchmarks.py). */
const cases = join(root, "test/golden/cases/benchmarks");

interface Expected {
  readonly name: BenchmarkName;
  readonly file?: string;
  readonly row?: number;
  readonly is: Partial<Row>;
  readonly pictures: number;
  readonly right: readonly string[];
  readonly wrong: readonly string[];
}

const expected: readonly Expected[] = [
  {
    name: "geometry3k",
    is: { prompt: "<image>Find x.", answer: "2 \\sqrt { 3 }" },
    pictures: 1,
    right: ["2\\sqrt{3}", "\\sqrt{12}"],
    wrong: ["3.46", "2"],
  },
  {
    name: "mathvista",
    is: { id: "1", prompt: "How far does it go? (unit: m)" },
    pictures: 1,
    right: ["1.2", "1.23 m", "1.24"],
    wrong: ["1.3", "1.26", "12"],
  },
  {
    name: "mathvista",
    row: 1,
    is: { id: "2", prompt: "Which angle is it?\n(A) 30°\n(B) 60°\n(C) 90°" },
    pictures: 1,
    right: ["B", "(B)", "60°", "B. 60°"],
    wrong: ["C", "90°"],
  },
  {
    name: "mathverse",
    is: { id: "1", prompt: "Angle 1 is\nChoices:\nA:30°\nB:60°\nC:90°\nD:120°" },
    pictures: 1,
    right: ["B", "60°"],
    wrong: ["A", "30°"],
  },
  {
    name: "mathverse",
    row: 1,
    is: { id: "5", prompt: "Answer the question in the picture." },
    pictures: 1,
    right: ["7"],
    wrong: ["8"],
  },
  {
    name: "we-math",
    is: {
      id: "1575",
      prompt: "What is the area (  ) m²?\nA. 200.96; B. 3215.36; C. 6280; D. 32; E. No correct answer",
    },
    pictures: 1,
    right: ["B", "3215.36"],
    wrong: ["E", "6280"],
  },
  { name: "mmk12", is: { id: "m1", answer: "B" }, pictures: 1, right: ["B", "B. CO2"], wrong: ["A"] },
  {
    name: "logicvista",
    is: { id: "v1_1", answer: "\\{A, C\\}" },
    pictures: 1,
    right: ["A, C", "C and A"],
    wrong: ["A", "A, B, C"],
  },
  {
    name: "logicvista",
    file: "logicvista-json/dataset.json",
    is: { id: "v1_0", answer: "C" },
    pictures: 1,
    right: ["C"],
    wrong: ["D"],
  },
  { name: "counting", is: { answer: "4" }, pictures: 1, right: ["4"], wrong: ["3"] },
  {
    name: "superclevr",
    file: "superclevr/problems.jsonl",
    is: { prompt: "How many different items are there in the image?", answer: "4" },
    pictures: 1,
    right: ["4"],
    wrong: ["5"],
  },
  {
    name: "mmmu-pro",
    is: { id: "test_Art_1", prompt: "Compare <image> with <image>.\n(A) Who's there\n(B) It's art\n(C) Neither" },
    pictures: 2,
    right: ["B"],
    wrong: ["A"],
  },
  {
    name: "mmmu-pro-vision",
    is: { id: "test_Art_1", prompt: "Answer the question in the picture." },
    pictures: 1,
    right: ["C"],
    wrong: ["A"],
  },
  {
    name: "seed-bench-r1",
    file: "seed-bench-r1/validation_L1.jsonl",
    pictures: 2,
    right: ["A", "put the box into the cupboard"],
    wrong: ["B", "take the bag"],
    is: {
      id: "115",
      answer: "A",
      prompt:
        "What should I do next in order to store cereal?\n(A) put the box into the cupboard\n(B) take the bag\n(C) open the cupboard\n(D) close it",
    },
  },
];

const verifier = new Verifier();
const judge = verifierJudge(verifier);
afterAll(() => verifier.close());

test.each(expected)(
  "$name, row $row of $file: question, pictures, and what is right",
  async ({ name, file = name, row: index = 0, is, pictures, right, wrong }) => {
    const dataset = await openSources({ path: join(cases, file), benchmark: name });
    const row = await dataset.row(index);
    expect(row).toMatchObject(is);
    expect(row.images).toHaveLength(pictures);
    for (const source of row.images) expect((await loadSource(source)).width).toBe(8);
    const outcome = async (text: string): Promise<string> => {
      const sample = makeSample({ text: `\\boxed{${text}}` });
      return (await judge({ ...sample, prompt: { ...sample.prompt, row } })).outcome;
    };
    expect(await Promise.all(right.map(outcome))).toEqual(right.map(() => "right"));
    expect(await Promise.all(wrong.map(outcome))).toEqual(wrong.map(() => "wrong"));
  },
);

test("every benchmark is tried; pictures come in the order in which the question names them", async () => {
  expect(new Set(expected.map(({ name }) => name))).toEqual(new Set(Object.keys(benchmarks)));
  const { images } = await (await openSources({ path: join(cases, "mmmu-pro"), benchmark: "mmmu-pro" })).row(0);
  const colours = await Promise.all(
    images.map(async (source) => [...(await loadPicture((source as { bytes: Uint8Array }).bytes)).data.subarray(0, 3)]),
  );
  expect(colours).toEqual([
    [0, 0, 255],
    [255, 0, 0],
  ]);
  const { fields } = await (await openSources({ path: join(cases, "mathverse"), benchmark: "mathverse" })).row(1);
  expect(fields["visionDependent"]).toBe(true);
  expect(() => benchmarkOf("mmmu")).toThrow('There is no benchmark "mmmu"; there are geometry3k, ');
  await expect(
    (async () =>
      (
        await openSources({
          path: join(cases, "seed-bench-r1/validation_L1.jsonl"),
          benchmark: "seed-bench-r1",
          columns: { images: "clips" },
        })
      ).row(0))(),
  ).rejects.toThrow('videos are not read; take frames from them and name their files in a column "frames"');
});

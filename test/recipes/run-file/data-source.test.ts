import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openSources, promptTemplates, resolveData, type Data } from "../../../recipes/run-file/data-source.ts";
import { temporaryFolder } from "../../support/bandit.ts";

const folder = temporaryFolder();
const write = (name: string, rows: readonly object[]): void =>
  writeFileSync(join(folder, name), rows.map((row) => JSON.stringify(row)).join("\n"));
write(
  "maths.jsonl",
  [1, 2, 3].map((index) => ({ problem: `What is ${index}?`, answer: index, topic: "numbers" })),
);
write(
  "charts.jsonl",
  [4, 5, 6].map((index) => ({ prompt: `Bar ${index}?`, answer: index })),
);
const open = (data: unknown) => openSources(resolveData(data, folder, "data"));

test("a source has its own columns and its own form of the question", async () => {
  const dataset = await open({
    path: "maths.jsonl",
    columns: { prompt: "problem" },
    template: `[{topic}] ${promptTemplates.boxed}`,
  });
  expect((await dataset.row(1)).prompt).toBe(
    "[numbers] What is 2?\n\nReason step by step, and give the final answer inside \\boxed{}.",
  );
  await expect((await open({ path: "charts.jsonl", template: "{topic}: {prompt}" })).row(0)).rejects.toThrow(
    'Row "line-1" cannot be used: the template asks for the column "topic"',
  );
});

test("a list of sources is a mix by weight", async () => {
  const data: Data = [
    { path: "maths.jsonl", columns: { prompt: "problem" }, weight: 1 },
    { path: "charts.jsonl", weight: 3 },
  ];
  expect(await open(data)).toMatchObject({ name: "mix of maths.jsonl (25 %), charts.jsonl (75 %)", size: 4 });
});

test("a source of weight 0 is left out, and not opened", async () => {
  const none = { path: "absent.jsonl", weight: 0 };
  expect(await open([none, { path: "charts.jsonl", weight: 3 }])).toMatchObject({ name: "charts.jsonl", size: 3 });
  await expect(open([none, none])).rejects.toThrow("Every source of the data has the weight 0: nothing is left of it");
});

test.each([
  [3, "data must be a path or { path, … }, it is 3"],
  [[], "data is an empty list"],
  [[{ path: "a", wieght: 1 }], 'data[0]: unknown option "wieght"; did you mean "weight"?'],
  [{ columns: {} }, 'the option "path" is missing'],
])("%j is refused", (data, message) => {
  expect(() => resolveData(data, folder, "data")).toThrow(message);
});

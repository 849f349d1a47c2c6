import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Dataset } from "../../../../core/data/dataset.ts";
import { openJsonl, openParquet } from "../../../../core/data/open.ts";
import { openGuarded } from "../../../../core/data/reader/guarded-dataset.ts";
import { fieldText } from "../../../../core/data/rows/row.ts";
import { createRandom, permutation } from "../../../../core/math/random.ts";
import { parquetMetadata } from "hyparquet";
import { parquetWriteFile } from "hyparquet-writer";
import { temporaryFolder } from "../../../support/bandit.ts";

const limits = { seconds: 3, megabytes: 512 };

/** Opens rows of the reader in hostile-reader.ts. */
function open(
  lines: readonly string[],
  onBadRow: "stop" | "skip" = "stop",
  changes: Partial<typeof limits> = {},
): Promise<Dataset> {
  const path = join(temporaryFolder(), "rows.txt");
  writeFileSync(path, lines.join("\n"));
  return openGuarded(
    { path, kind: new URL("./hostile-reader.ts", import.meta.url).href as `file:${string}`, options: { onBadRow } },
    { ...limits, ...changes },
  );
}

const prompts = async (dataset: Dataset): Promise<string[]> => {
  const read: string[] = [];
  for (let index = 0; index < dataset.size; index++)
    read.push(
      await Promise.resolve(dataset.row(index)).then(
        ({ prompt }) => prompt,
        (error: Error) => `${error.name}: ${error.message}`,
      ),
    );
  return read;
};

test("a row that hangs the reader stops the opening with file, line and cause", async () => {
  await expect(open(["a", "sleeps|at once"])).rejects.toThrow(
    'rows.txt, line 2: reading it took longer than 3 s: it may be damaged (limits: { seconds } allows more) (onBadRow: "skip" leaves such rows out)',
  );
});

test("rows that take too much memory, end the process or throw are left out where the user asks for it, each named; those around them are used, now and later", async () => {
  // Filling the memory takes its time where others compute too.
  const dataset = await open(["a", "grows|at once", "throws|at once", "b", "aborts|later", "c"], "skip", {
    seconds: 60,
  });
  expect(dataset.skipped).toEqual([
    {
      where: "rows.txt, line 2",
      reason: "reading it took more than 512 MiB: it may be damaged (limits: { megabytes } allows more)",
    },
    { where: "rows.txt, line 3", reason: "it cannot be read: it is damaged" },
  ]);
  const read = await prompts(dataset);
  expect(read[2]).toBe(
    "UnusableRowError: row 2 cannot be used: reading it ended the process that reads data (SIGABRT)",
  );
  expect(read.filter((_, index) => index !== 2)).toEqual(["a", "b", "c"]);
});

test("rows are the same in whatever order and company they are asked for, numbers by their digits", async () => {
  const path = join(temporaryFolder(), "rows.jsonl");
  const line = (index: number): string =>
    `{"prompt": "${"x".repeat(index % 7 === 0 ? 100_000 : 3)}", "answer": ${index}, "about": {"score": [1.50, ${index}]}, "level": 2.50}`;
  writeFileSync(path, Array.from({ length: 300 }, (_, index) => line(index)).join("\n"));
  const dataset = await openJsonl(path);
  const order = dataset.shuffle!(createRandom(4));
  expect([...(order as Int32Array)]).toEqual([...permutation(createRandom(4), 300)]);
  for (const index of [...Array.from(order), 5, 4, 299, 0, 1, 2, 7, 3])
    expect(await dataset.row(index)).toMatchObject({ id: `line-${index + 1}`, answer: String(index) });
  const many = await Promise.all([3, 1, 2, 3, 250].map(async (index) => dataset.row(index)));
  expect(many.map(({ answer }) => answer)).toEqual(["3", "1", "2", "3", "250"]);
  expect(fieldText(many[0]!.fields, "level")).toBe("2.50");
  expect(many[0]!.fields).toEqual({ about: { score: [1.5, 3] }, level: 2.5 });
});

test("of a Parquet file that is damaged in one row group, the others' rows are used", async () => {
  const path = join(temporaryFolder(), "rows.parquet");
  const rows = Array.from({ length: 30 }, (_, index) => index);
  parquetWriteFile({
    filename: path,
    columnData: [
      { name: "prompt", data: rows.map((row) => `question ${row}, said in words`), type: "STRING" },
      { name: "answer", data: rows.map(String), type: "STRING" },
    ],
    rowGroupSize: 10,
    codec: "SNAPPY",
  });
  const bytes = readFileSync(path);
  const at = Number(
    parquetMetadata(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)).row_groups[1]!.columns[0]!
      .meta_data!.data_page_offset,
  );
  bytes.fill(0xff, at, at + 40);
  writeFileSync(path, bytes);
  const dataset = await openParquet(path);
  const read = await prompts(dataset);
  expect(read.slice(0, 10).concat(read.slice(20))).toEqual(
    rows.filter((row) => row < 10 || row >= 20).map((row) => `question ${row}, said in words`),
  );
  for (const message of read.slice(10, 20))
    expect(message).toMatch(/^UnusableRowError: rows 10 to 19 of .*rows\.parquet cannot be read: (?!.*undefined)/);
});

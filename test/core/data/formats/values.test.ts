import { join } from "node:path";
import { expect, test } from "vitest";
import { openData } from "../../../../core/data/open.ts";
import { fieldText } from "../../../../core/data/rows/row.ts";
import { root } from "../../../support/command-line.ts";

/** As pyarrow, pandas and datasets write them (make_rows.py). */
const cases = join(root, "test/golden/cases/rows");
const rowsOf = async (file: string, count = 3) => {
  const dataset = await openData(join(cases, file));
  return Promise.all(Array.from({ length: count }, async (_, index) => dataset.row(index)));
};
const answers = ["2.50", "-0.05", "12345678901234567890.12"];

test.each([
  "values.parquet",
  "values-lz4.parquet",
  "values-zstd-v2.parquet",
  "values.arrow",
  "values-lz4.arrow",
  "values-zstd.feather",
])("%s keeps every value", async (file) => {
  const rows = await rowsOf(file);
  expect(rows.map(({ answer }) => answer)).toEqual(answers);
  expect(rows.map(({ fields }) => fields)).toEqual([
    {
      single: 3.14,
      half: 0.1,
      double: 0.1,
      long: "9007199254740993",
      unsigned: "18446744073709551615",
      wide: `1.${"0".repeat(49)}1`,
      date: "2024-05-01",
      second: "2024-05-01T12:00:00",
      micro: "2024-05-01T12:00:00.123456",
      zoned: "2024-05-01T12:00:00.123456Z",
      time: "01:02:03.5",
      kind: "x",
      large: "l",
      list: [3.14, null],
      struct: { f: 2.5, d: 1.1 },
      map: { k: 0.1 },
      flag: true,
      nothing: null,
    },
    {
      single: 0.1,
      half: 1.5,
      double: null,
      long: -1,
      unsigned: 0,
      wide: -7,
      date: "1969-12-31",
      second: null,
      micro: "1969-12-31T23:59:59.5",
      zoned: null,
      time: null,
      kind: "y",
      large: null,
      list: [],
      struct: null,
      map: {},
      flag: false,
      nothing: null,
    },
    {
      single: null,
      half: null,
      double: 1e21,
      long: null,
      unsigned: null,
      wide: null,
      date: null,
      second: null,
      micro: null,
      zoned: null,
      time: null,
      kind: "x",
      large: "m",
      list: null,
      struct: { f: null, d: null },
      map: null,
      flag: null,
      nothing: null,
    },
  ]);
  expect(fieldText(rows[0]!.fields, "struct.d")).toBe("1.10");
});

test.each(["values.jsonl", "values.csv", "values.tsv"])("%s has the same values", async (file) => {
  const rows = await rowsOf(file);
  expect(rows.map(({ answer }) => answer)).toEqual(answers);
  expect(rows.map(({ fields }) => fields)).toEqual([
    { single: 3.14, long: "9007199254740993" },
    { single: 0.1, long: -1 },
    { single: null, long: null },
  ]);
  expect(rows[2]!.prompt).toBe('c, "quoted"\nline');
});

test("datasets' Json feature is one value in Parquet and Arrow; pictures by path alone are said; messages hold system, turns, picture and answer", async () => {
  for (const file of ["json-feature.parquet", "json-feature"])
    expect((await rowsOf(file)).map(({ fields }) => fields["about"])).toEqual([
      { x: 1, y: [1, 2.5] },
      null,
      [true, "text"],
    ]);
  await expect(rowsOf("picture-paths.parquet", 1)).rejects.toThrow(
    /gone\.png does not exist \(the file holds paths of its pictures, not the pictures/,
  );
  const [row] = await rowsOf("turns.parquet", 1);
  expect(row).toMatchObject({
    system: "Be brief.",
    history: [
      { role: "user", content: "<image>What colour?" },
      { role: "assistant", content: "Blue." },
    ],
    prompt: "How many squares?",
    answer: "1",
    fields: { topic: "shapes" },
  });
  expect(row!.images).toHaveLength(1);
});

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { openJsonl } from "../../../../core/data/formats/jsonl.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "jsonl-"));
  writeFileSync(join(folder, "a.png"), "");
});
const write = (...lines: string[]): string => {
  const file = join(folder, "rows.jsonl");
  writeFileSync(file, lines.join("\n"));
  return file;
};

test("rows come with mapped columns, pictures beside the file and the other columns as fields", async () => {
  const file = write(
    '{"problem": "How many?", "answer": 3, "images": "a.png", "level": 2}',
    "",
    '{"problem": "Which?", "answer": "red", "images": ["a.png", "a.png"], "id": "x", "system": "Be brief."}\r',
  );
  const dataset = await openJsonl(file, { columns: { prompt: "problem" } });
  expect(dataset.size).toBe(2);
  expect(await dataset.row(0)).toEqual({
    id: "line-1",
    prompt: "How many?",
    system: null,
    images: [join(folder, "a.png")],
    answer: "3",
    fields: { level: 2 },
    folder,
  });
  expect(await dataset.row(1)).toMatchObject({
    id: "x",
    system: "Be brief.",
    images: [join(folder, "a.png"), join(folder, "a.png")],
  });
});

test("bad JSON is an error with the line's number", async () => {
  await expect(openJsonl(write('{"prompt": "a", "answer": "b"}', '{"prompt": '))).rejects.toThrow(
    /rows\.jsonl, line 2: not JSON/,
  );
  await expect(openJsonl(write("[1]"))).rejects.toThrow(/line 1: a row must be one JSON object/);
});

test("a missing column is an error that lists those found and how to map", async () => {
  await expect(openJsonl(write('{"ask": "a", "answer": "b"}'))).rejects.toThrow(
    /line 1: column "prompt" .* columns found: ask, answer; .*columns: \{ prompt:/,
  );
});

test("a missing picture is an error with its path", async () => {
  await expect(openJsonl(write('{"prompt": "a", "answer": "b", "images": ["a.png", "none.png"]}'))).rejects.toThrow(
    /line 1: picture .*none\.png does not exist/,
  );
});

test("two rows of one id are an error that names both lines", async () => {
  await expect(
    openJsonl(write('{"id": 1, "prompt": "a", "answer": "b"}', '{"id": "1", "prompt": "c", "answer": "d"}')),
  ).rejects.toThrow(/line 2: id "1" is taken by line 1/);
});

test("bad rows are left out and listed where the user asked for it", async () => {
  const dataset = await openJsonl(write("nonsense", '{"prompt": "a", "answer": "b"}', '{"prompt": "a"}'), {
    onBadRow: "skip",
  });
  expect(dataset.size).toBe(1);
  expect(dataset.skipped.map(({ where }) => where)).toEqual(["rows.jsonl, line 1", "rows.jsonl, line 3"]);
  expect(dataset.skipped[1]?.reason).toMatch(/column "answer"/);
});

test("a file that is not there is an error with its full path", async () => {
  await expect(openJsonl(join(folder, "none.jsonl"))).rejects.toThrow(/none\.jsonl cannot be read/);
});

test("a .json file holds a list of rows, or rows by id; pictures may be in a folder beside it, and in several columns", async () => {
  const folder = mkdtempSync(join(tmpdir(), "json-"));
  mkdirSync(join(folder, "images"));
  for (const name of ["a.png", "b.png"]) writeFileSync(join(folder, "images", name), "");
  const json = (content: unknown): string => {
    writeFileSync(join(folder, "rows.json"), typeof content === "string" ? content : JSON.stringify(content));
    return join(folder, "rows.json");
  };
  const named = await openJsonl(
    json({
      q1: { prompt: "a", answer: 1, one: "a.png", two: null },
      q2: { prompt: "b", answer: "x", one: "b.png", two: ["a.png"], id: "own" },
    }),
    { pictures: "images", columns: { images: ["one", "two"] } },
  );
  expect([await named.row(0), await named.row(1)]).toMatchObject([
    { id: "q1", answer: "1", images: [join(folder, "images/a.png")], fields: {} },
    { id: "own", images: [join(folder, "images/b.png"), join(folder, "images/a.png")], fields: {} },
  ]);
  expect((await (await openJsonl(json([{ prompt: "a", answer: "b" }]))).row(0)).id).toBe("row-1");
  await expect(openJsonl(json([{ prompt: "a" }]))).rejects.toThrow(/rows\.json, row 1: column "answer"/);
  await expect(openJsonl(json("{ cut"))).rejects.toThrow(
    /is not JSON .*rows of one line each belong in a \.jsonl file/,
  );
  await expect(openJsonl(json("3"))).rejects.toThrow("must be a list of rows, or rows by id");
});

test("rows are read from the file when they are asked for, in any order, whatever bytes come before them", async () => {
  const line = (id: string, prompt: string): string => JSON.stringify({ id, prompt, answer: "x" });
  const prompts = ["größer €", "plain", "日本語 🙂", "last"];
  writeFileSync(
    join(folder, "rows.jsonl"),
    `\uFEFF${prompts.map((prompt, index) => line(String(index), prompt)).join("\r\n\r\n")}`,
  );
  const dataset = await openJsonl(join(folder, "rows.jsonl"));
  expect(dataset.size).toBe(4);
  for (const index of [3, 0, 2, 1, 2])
    expect(await dataset.row(index)).toMatchObject({ id: String(index), prompt: prompts[index] });
  // Longer than what is read at a time.
  write(line("a", "b".repeat(3 << 20)), line("c", "d"));
  const long = await openJsonl(join(folder, "rows.jsonl"));
  expect([(await long.row(0)).prompt.length, (await long.row(1)).prompt]).toEqual([3 << 20, "d"]);
  rmSync(join(folder, "rows.jsonl"));
  await expect((async () => long.row(1))()).rejects.toThrow(/The dataset .*rows\.jsonl cannot be read: ENOENT/);
});

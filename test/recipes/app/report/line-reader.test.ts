import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { LineReader } from "../../../../recipes/app/report/line-reader.ts";

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lines-"));
  file = join(folder, "lines.jsonl");
});
afterEach(() => rmSync(folder, { recursive: true }));

const texts = (reader: LineReader, how = {}): string[] => [...reader.read(how)].map(({ text }) => text);

test("gives whole lines as they come, each once, and a line again by its place", () => {
  const reader = new LineReader(file);
  expect(texts(reader)).toEqual([]);
  writeFileSync(file, "one\nzwölf\nhal");
  const lines = [...reader.read()];
  expect(lines).toEqual([
    { offset: 0, length: 3, text: "one" },
    { offset: 4, length: 6, text: "zwölf" },
  ]);
  expect(texts(reader)).toEqual([]);
  appendFileSync(file, "f\n\nlast");
  expect(texts(reader)).toEqual(["half", ""]);
  expect(texts(reader, { last: true })).toEqual(["last"]);
  expect(reader.at(lines[1]!)).toBe("zwölf");
  expect(reader.replaced()).toBe(false);
});

test("reads lines that are longer than what is read at once, and stops where it is enough", () => {
  const long = "x".repeat(2_500_000);
  writeFileSync(file, `${long}\nb\n`);
  const reader = new LineReader(file);
  expect([...reader.read()].map(({ text }) => text.length)).toEqual([2_500_000, 1]);
  const many = Array.from({ length: 300_000 }, (_, at) => String(at));
  writeFileSync(file, `${many.join("\n")}\n`);
  const again = new LineReader(file);
  let asked = 0;
  const first = texts(again, { enough: () => asked++ > 0 });
  expect(first.length).toBeLessThan(300_000);
  expect([...first, ...texts(again)].join()).toBe(many.join());
});

test("sees that a file was written anew, cut or taken away, and begins at its first line again", () => {
  writeFileSync(file, "a\nb\n");
  const reader = new LineReader(file);
  expect(texts(reader)).toEqual(["a", "b"]);
  // In place and no shorter: the lines before are others.
  writeFileSync(file, "A\nB\nC\n");
  expect(reader.replaced()).toBe(true);
  expect(texts(reader)).toEqual(["A", "B", "C"]);
  writeFileSync(file, "A\n");
  expect(reader.replaced()).toBe(true);
  expect(texts(reader)).toEqual(["A"]);
  rmSync(file);
  expect(reader.replaced()).toBe(true);
  expect(texts(reader)).toEqual([]);
  expect(reader.replaced()).toBe(false);
});

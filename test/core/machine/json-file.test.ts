import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { readJsonFile } from "../../../core/machine/json-file.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "json-file-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const schema = z.object({ step: z.number() });

test("what a file holds, by the schema", () => {
  const file = join(folder, "good.json");
  writeFileSync(file, '{ "step": 3, "more": 1 }\n');
  expect(readJsonFile(file, schema, "…")).toEqual({ step: 3 });
});

test.each([
  ["is empty", "\n", /damaged\.json is empty: bring it back$/],
  ["ends early", '{\n  "step": 3,\n', /damaged\.json is no JSON.*: bring it back$/],
  [
    "ends after a power cut",
    '{ "step": \0\0\0',
    /damaged\.json is damaged: zero bytes from byte 10 on, as a power cut leaves them: bring it back$/,
  ],
  [
    "is a list",
    "[1]",
    /damaged\.json holds something else than it should \(it is \[1\], allowed is object\): bring it back$/,
  ],
  [
    "lacks something",
    "{}",
    /damaged\.json holds something else than it should \(step is missing, allowed is number\): bring it back$/,
  ],
])("a file that %s is named with the place, the cause and what to do", (_what, text, message) => {
  const file = join(folder, "damaged.json");
  writeFileSync(file, text);
  expect(() => readJsonFile(file, schema, "bring it back")).toThrow(message);
});

test("the place of a mistake is a line and a column", () => {
  const file = join(folder, "mistake.json");
  writeFileSync(file, '{\n  "step": 3\n  "more": 1\n}\n');
  expect(() => readJsonFile(file, schema, "correct it")).toThrow(
    /mistake\.json is no JSON, line 3, column 3 \(.*\): correct it$/,
  );
});

test("a file that is too large, is missing or is a folder is not read", () => {
  const file = join(folder, "large.json");
  writeFileSync(file, "");
  truncateSync(file, 2 ** 26 + 1);
  expect(() => readJsonFile(file, schema, "…")).toThrow(
    /large\.json cannot be read: it has 67108865 bytes, and such a file may have 67108864/,
  );
  expect(() => readJsonFile(join(folder, "none.json"), schema, "…")).toThrow(/none\.json cannot be read: ENOENT/);
  expect(() => readJsonFile(folder, schema, "…")).toThrow(/cannot be read: it is a folder, and not a file/);
});

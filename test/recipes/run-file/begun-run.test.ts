import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { begunRun } from "../../../recipes/run-file/begun-run.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "begun-run-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const written = (text: string): string => {
  writeFileSync(join(folder, "run.json"), text);
  return folder;
};

test("a run says with what it was begun; a key that was struck out is the run file's, and no folder says nothing", () => {
  const overrides = ["settings.steps=3", "plugins.HttpRewardPlugin.headers.Authorization=(secret)"];
  expect(begunRun(written(JSON.stringify({ settings: {}, overrides, runFile: "../run.ts" })))).toEqual({
    overrides: ["settings.steps=3"],
    runFile: "../run.ts",
  });
  expect(begunRun(written("{}"))).toEqual({ overrides: [] });
  expect(begunRun(join(folder, "none"))).toEqual({ overrides: [] });
});

test("a damaged record is named, with what to do", () => {
  expect(() => begunRun(written("\0\0\0\0"))).toThrow(
    /run\.json is damaged: zero bytes from byte 0 on, as a power cut leaves them: it says how the run was begun; bring it back/,
  );
});

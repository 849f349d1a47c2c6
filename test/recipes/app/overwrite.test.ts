import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { recoverAside, setAside } from "../../../recipes/app/overwrite.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "overwrite-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, text: string): void => {
  mkdirSync(join(folder, name, ".."), { recursive: true });
  writeFileSync(join(folder, name), text);
};
const read = (name: string): string => readFileSync(join(folder, name), "utf8");

/** A run, and a file of the user's beside it. */
function earlierRun(): void {
  write("metrics.jsonl", "old\n");
  write("checkpoints/step-3/state.json", "old");
  write("notes.txt", "mine");
}

test("the earlier run is gone once the new one has begun; other files stay", () => {
  earlierRun();
  const aside = setAside(folder)!;
  expect(readdirSync(folder).sort()).toEqual([".overwritten", "notes.txt"]);
  write("metrics.jsonl", "new\n");
  aside.discard();
  expect(readdirSync(folder).sort()).toEqual(["metrics.jsonl", "notes.txt"]);
  expect(read("metrics.jsonl")).toBe("new\n");
});

test("it is back where the new one did not begin", () => {
  earlierRun();
  const aside = setAside(folder)!;
  write("checkpoints/step-0/state.json", "new");
  aside.restore();
  expect(readdirSync(folder).sort()).toEqual(["checkpoints", "metrics.jsonl", "notes.txt"]);
  expect(readdirSync(join(folder, "checkpoints"))).toEqual(["step-3"]);
});

test("after a start that was killed the run that has done a step counts", () => {
  earlierRun();
  setAside(folder);
  write("metrics.jsonl", "");
  recoverAside(folder);
  expect(read("metrics.jsonl")).toBe("old\n");
  setAside(folder);
  write("metrics.jsonl", "new\n");
  recoverAside(folder);
  expect([read("metrics.jsonl"), existsSync(join(folder, "checkpoints"))]).toEqual(["new\n", false]);
});

test("a folder without a run is left alone", () => {
  expect(setAside(join(folder, "absent"))).toBeNull();
  expect(setAside(folder)).toBeNull();
  write("thesis.tex", "mine");
  expect(() => setAside(folder)).toThrow(/--overwrite: .* holds thesis\.tex and no run; choose another output folder/);
  expect(read("thesis.tex")).toBe("mine");
});

test("a folder of rows with their pictures is no run", () => {
  write("pictures/a.png", "a");
  write("rows.jsonl", "");
  expect(() => setAside(folder)).toThrow(/holds pictures, rows\.jsonl and no run; choose another output folder/);
  expect(read("pictures/a.png")).toBe("a");
});

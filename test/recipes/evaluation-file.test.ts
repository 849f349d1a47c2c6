import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { noteEvaluation } from "../../recipes/evaluation-file.ts";

let parent = "";
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "evaluation-file-"));
});
afterEach(() => {
  rmSync(parent, { recursive: true, force: true });
});

test("makes the folder, and adds to what the file holds", async () => {
  const folder = join(parent, "deep/run");
  const read = (): unknown => JSON.parse(readFileSync(join(folder, "evaluation.json"), "utf8"));
  await noteEvaluation(folder, { before: { accuracy: 0.4 } });
  expect(read()).toEqual({ before: { accuracy: 0.4 } });
  await noteEvaluation(folder, { after: { accuracy: 0.6 } });
  await noteEvaluation(folder, { after: { accuracy: 0.7 } });
  expect(read()).toEqual({ before: { accuracy: 0.4 }, after: { accuracy: 0.7 } });
});

test("does not write over a file that it cannot read", async () => {
  writeFileSync(join(parent, "evaluation.json"), "{ cut");
  await expect(noteEvaluation(parent, { after: 1 })).rejects.toThrow(SyntaxError);
  expect(readFileSync(join(parent, "evaluation.json"), "utf8")).toBe("{ cut");
});

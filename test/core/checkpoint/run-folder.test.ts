import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { RunFolder } from "../../../core/checkpoint/run-folder.ts";
import { temporaryFolder } from "../../support/bandit.ts";

const outcome = (step: number) => ({ summary: { step, steps: 9, metrics: { value: step / 10, broken: NaN } }, seconds: { rollout: 1 }, terms: {}, tokens: 5, skippedRows: 0 });

test("steps after a cut are gone, a line that a kill cut short too; numbers that JSON lacks are text", () => {
  const path = temporaryFolder();
  const folder = new RunFolder(path);
  expect(folder.used).toBe(false);
  for (const step of [1, 2, 3]) folder.append(outcome(step));
  expect(folder.used).toBe(true);
  const metrics = join(path, "metrics.jsonl");
  appendFileSync(metrics, '{"step":4,"met');
  new RunFolder(path).cutAfter(2);
  expect(readFileSync(metrics, "utf8")).toBe('{"step":1,"metrics":{"value":0.1,"broken":"NaN"}}\n{"step":2,"metrics":{"value":0.2,"broken":"NaN"}}\n');
  expect(readFileSync(join(path, "timings.jsonl"), "utf8").split("\n")).toHaveLength(3);
});

import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openRunFolder, RunFolder } from "../../../core/checkpoint/run-folder.ts";
import { temporaryFolder } from "../../support/bandit.ts";

const outcome = (step: number) => ({
  summary: { step, steps: 9, metrics: { value: step / 10, broken: NaN } },
  seconds: { rollout: 1 },
  terms: {},
  tokens: 5,
  skippedRows: 0,
});

test("steps after a cut are gone, a line that a kill cut short too; numbers that JSON lacks are text", () => {
  const path = temporaryFolder();
  const folder = new RunFolder(path);
  expect(folder.used).toBe(false);
  for (const step of [1, 2, 3]) folder.append(outcome(step));
  expect(folder.used).toBe(true);
  const metrics = join(path, "metrics.jsonl");
  appendFileSync(metrics, '{"step":4,"met');
  new RunFolder(path).cutAfter(2);
  expect(readFileSync(metrics, "utf8")).toBe(
    '{"step":1,"metrics":{"value":0.1,"broken":"NaN"}}\n{"step":2,"metrics":{"value":0.2,"broken":"NaN"}}\n',
  );
  expect(readFileSync(join(path, "timings.jsonl"), "utf8").split("\n")).toHaveLength(3);
});

test("a damaged line costs itself: others before the checkpoint stay, those after it go, and the damage is named", () => {
  const path = temporaryFolder();
  const folder = new RunFolder(path);
  for (const step of [1, 2]) folder.append(outcome(step));
  const metrics = join(path, "metrics.jsonl");
  const [first, second] = readFileSync(metrics, "utf8").split("\n") as [string, string];
  // What a power cut leaves, between lines and behind them.
  writeFileSync(metrics, `${first}\n\0\0\0\0\n${second}\n\0\0\0\0\n{"step":3}\n\0\0`);
  expect(folder.cutAfter(2)).toEqual([`${metrics}, line 2 is damaged and counts for no step; all others are kept`]);
  expect(readFileSync(metrics, "utf8")).toBe(`${first}\n\0\0\0\0\n${second}\n`);
});

test("a run whose checkpoints are gone is not resumed from its first step, and keeps its metrics", () => {
  const path = temporaryFolder();
  new RunFolder(path).append(outcome(1));
  expect(() => openRunFolder(path, true)).toThrow(
    /holds metrics of a run and no checkpoint to go on from, .* bring the folder checkpoints back, or choose another output folder/,
  );
  expect(readFileSync(join(path, "metrics.jsonl"), "utf8")).toContain('"step":1');
});

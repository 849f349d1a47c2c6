import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { RewardJournal, tokensDigest, type JournalEntry } from "../../../core/checkpoint/journal.ts";
import { temporaryFolder } from "../../support/bandit.ts";

const entry = (index: number): JournalEntry => ({
  step: 1,
  prompt: "row",
  round: 0,
  index,
  tokens: tokensDigest(Int32Array.of(index)),
  scorer: "judge",
  value: index / 10,
});

function open(folder: string): RewardJournal {
  const journal = new RewardJournal(folder);
  journal.begin(1);
  return journal;
}

test("verdicts outlive the process that gave them, whatever the order", () => {
  const folder = temporaryFolder();
  const journal = open(folder);
  for (const index of [2, 0, 1]) journal.add(entry(index));
  const later = open(folder);
  expect([0, 1, 2, 3].map((index) => later.find(entry(index))?.value)).toEqual([0, 0.1, 0.2, undefined]);
});

test("a finished step's file is in the batch's order, and holds no verdict of another response", () => {
  const folders = [temporaryFolder(), temporaryFolder()];
  for (const [index, folder] of folders.entries()) {
    const journal = open(folder);
    for (const number of index === 0 ? [2, 0, 1, 9] : [0, 1, 2]) journal.add(entry(number));
    journal.finish(1, [0, 1, 2].map(entry));
  }
  const [first, second] = folders.map((folder) => readFileSync(join(folder, "step-1.jsonl"), "utf8"));
  expect(first).toBe(second);
  expect(first!.trim().split("\n")).toHaveLength(3);
});

test("a line that a kill cut short is dropped, and the next one is whole", () => {
  const folder = temporaryFolder();
  open(folder).add(entry(0));
  appendFileSync(join(folder, "step-1.jsonl"), '{"step":1,"prom');
  const later = open(folder);
  later.add(entry(1));
  const last = open(folder);
  expect([0, 1].map((index) => last.find(entry(index))?.value)).toEqual([0, 0.1]);
});

test("a spoilt line is an error with file and line", () => {
  const folder = temporaryFolder();
  open(folder).add(entry(0));
  appendFileSync(join(folder, "step-1.jsonl"), "nonsense\n");
  expect(() => open(folder)).toThrow(/step-1\.jsonl, line 2 is not JSON/);
});

test.each([
  ["another value", '"value":0.3', '"value":0.4', "has another checksum than when it was written"],
  ["no value", '"value":0.3', '"value":null', "has another checksum than when it was written"],
  ["a value that is no number", '"value":0.3', '"value":"0.3"', "is no verdict of a scorer (value is "],
  ["a value without end", '"value":0.3', '"value":1e999', "is no verdict of a scorer (value is "],
  ["no checksum", /,"check":"\w+"/, "", "is no verdict of a scorer (check is "],
])("an entry with %s is told with file and line, and trains nothing", (_what, text, by, told) => {
  const folder = temporaryFolder();
  open(folder).add(entry(3));
  const file = join(folder, "step-1.jsonl");
  writeFileSync(file, readFileSync(file, "utf8").replace(text, by));
  expect(() => open(folder)).toThrow(`step-1.jsonl, line 1 ${told}`);
});

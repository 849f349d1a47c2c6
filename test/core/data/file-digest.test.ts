import { createHash } from "node:crypto";
import { utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { digestsFile, fileDigest, keptDigests } from "../../../core/data/file-digest.ts";
import { arrayDataset } from "../../../core/data/dataset.ts";
import { mixDatasets } from "../../../core/data/mix.ts";
import { temporaryFolder } from "../../support/bandit.ts";

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

test("a file is read again when its size or time is another, and only then", () => {
  const folder = temporaryFolder();
  const [file, kept] = [join(folder, "rows.jsonl"), join(folder, digestsFile)];
  writeFileSync(file, "one");
  const time = new Date(1e12);
  utimesSync(file, time, time);
  expect(keptDigests(kept)(file)).toBe(sha256("one"));
  writeFileSync(file, "two");
  utimesSync(file, time, time);
  expect(keptDigests(kept)(file)).toBe(sha256("one"));
  utimesSync(file, new Date(2e12), new Date(2e12));
  expect(keptDigests(kept)(file)).toBe(sha256("two"));
  // A line that was cut short costs itself alone.
  writeFileSync(kept, '{"file":"a');
  expect(keptDigests(kept)(file)).toBe(sha256("two"));
  writeFileSync(file, "six");
  utimesSync(file, new Date(2e12), new Date(2e12));
  expect(keptDigests(kept)(file)).toBe(sha256("two"));
});

test("other rows, another order, a corrected answer and another picture are other data", () => {
  const rows = [
    { prompt: "a", answer: "1" },
    { prompt: "b", answer: "2", images: [{ name: "p", bytes: Uint8Array.of(1) }] },
  ];
  const changed = [
    [rows[1]!, rows[0]!],
    [rows[0]!, { ...rows[1]!, answer: "3" }],
    [rows[0]!, { ...rows[1]!, images: [{ name: "p", bytes: Uint8Array.of(2) }] }],
    [rows[0]!],
  ];
  const digest = (of: (typeof changed)[number]): string => arrayDataset(of).digest!(fileDigest);
  expect(new Set([rows, ...changed].map(digest)).size).toBe(5);
  expect(digest(rows)).toBe(digest([...rows]));
  const mix = (weight: number): string =>
    mixDatasets([
      { dataset: arrayDataset(rows, "x"), weight },
      { dataset: arrayDataset(rows, "y"), weight: 1 },
    ]).digest!(fileDigest);
  expect(mix(1)).not.toBe(mix(2));
});

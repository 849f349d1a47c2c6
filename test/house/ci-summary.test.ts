import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { projectFolder } from "./project-files.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "papo-ci-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const passing = {
  "tests.json": JSON.stringify({
    numPassedTests: 3,
    numFailedTests: 0,
    testResults: [{ name: "a.test.ts", status: "passed", assertionResults: [{ status: "passed" }] }],
  }),
  "tests.exit": "0\n",
  "lint.json": JSON.stringify([{ filePath: "a.ts", messages: [] }]),
  "lint.exit": "0\n",
  "types.txt": "",
  "types.exit": "0\n",
};

/** The last line and exit code of the summary of a folder with these files. */
function summarise(
  files: Readonly<Record<string, string>>,
): readonly [lastLine: string | undefined, status: number | null] {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const { stdout, status } = spawnSync(process.execPath, [`${projectFolder}.ci/summary.mjs`, folder], {
    encoding: "utf8",
  });
  return [stdout.trimEnd().split("\n").at(-1), status];
}

test("tests, lint and types that pass", () => {
  expect(summarise(passing)).toEqual(["5 passed, 0 failed", 0]);
});

test("failed tests, lint errors and type errors are counted", () => {
  const failing = {
    "tests.json": JSON.stringify({ numPassedTests: 3, numFailedTests: 2, testResults: [] }),
    "tests.exit": "1",
    "lint.json": JSON.stringify([
      { filePath: "a.ts", messages: [{ severity: 2, line: 1, column: 1, message: "m", ruleId: "r" }] },
    ]),
    "lint.exit": "1",
    "types.txt": "a.ts(1,1): error TS1: one\na.ts(2,1): error TS2: two\n",
    "types.exit": "2",
  };
  expect(summarise(failing)).toEqual(["3 passed, 5 failed", 1]);
});

test("a runner that crashed, or ran nothing, has failed", () => {
  expect(summarise({ ...passing, "tests.exit": "134" })).toEqual(["5 passed, 1 failed", 1]);
  expect(summarise({ ...passing, "tests.json": "" })).toEqual(["2 passed, 1 failed", 1]);
  expect(summarise({ ...passing, "lint.exit": "2" })).toEqual(["4 passed, 1 failed", 1]);
});

test("a test file that does not load has failed", () => {
  const report = {
    numPassedTests: 3,
    numFailedTests: 0,
    testResults: [{ name: "b.test.ts", status: "failed", assertionResults: [] }],
  };
  expect(summarise({ ...passing, "tests.json": JSON.stringify(report), "tests.exit": "1" })).toEqual([
    "5 passed, 1 failed",
    1,
  ]);
});

test("tests on OpenXLA are counted where it could be installed; a file of which none ran has failed", () => {
  const ran = { name: "a.test.ts", status: "passed", assertionResults: [{ status: "passed" }, { status: "skipped" }] };
  const report = (testResults: readonly object[]): string =>
    JSON.stringify({ numPassedTests: 4, numFailedTests: 0, testResults });
  expect(summarise({ ...passing, "xla.json": report([ran]), "xla.exit": "0" })).toEqual(["9 passed, 0 failed", 0]);
  const unheard = { name: "b.test.ts", status: "passed", assertionResults: [{ status: "skipped" }] };
  expect(summarise({ ...passing, "xla.json": report([ran, unheard]), "xla.exit": "0" })).toEqual([
    "9 passed, 1 failed",
    1,
  ]);
  expect(summarise({ ...passing, "xla.json": "", "xla.exit": "134" })).toEqual(["5 passed, 1 failed", 1]);
});

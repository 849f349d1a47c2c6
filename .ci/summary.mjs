/**
 * Counts what `.ci/run` left in a folder (tests.json, xla.json where OpenXLA could be installed, lint.json, types.txt,
 * and each tool's exit code) and prints "N passed, N failed" last. A tool that failed without naming a failure counts
 * as one failure: a crash is never "0 failed".
 */
import { readFileSync } from "node:fs";
import { join, relative } from "node:path";

const folder = process.argv[2];
const read = (name) => {
  try {
    return readFileSync(join(folder, name), "utf8");
  } catch {
    return "";
  }
};
const parsed = (name) => {
  try {
    return JSON.parse(read(name));
  } catch {
    return null;
  }
};

function testCounts(name) {
  const report = parsed(`${name}.json`);
  const results = report?.testResults ?? [];
  // A file that does not load has failed, though none of its tests ran.
  const brokenFiles = results.filter(
    (file) => file.status === "failed" && file.assertionResults.every((test) => test.status !== "failed"),
  );
  for (const file of brokenFiles) console.log(`broken test file: ${relative(".", file.name)}`);
  return { name, passed: report?.numPassedTests ?? 0, failed: (report?.numFailedTests ?? 0) + brokenFiles.length };
}

function lintCounts() {
  const messages = (parsed("lint.json") ?? []).flatMap((file) =>
    file.messages.map((message) => ({ ...message, file: file.filePath })),
  );
  const errors = messages.filter((message) => message.severity === 2);
  for (const error of errors)
    console.log(`${relative(".", error.file)}:${error.line}:${error.column} ${error.message} (${error.ruleId})`);
  return { name: "lint", passed: 0, failed: errors.length };
}

function typeCounts() {
  const text = read("types.txt");
  if (text !== "") console.log(text.trimEnd());
  return {
    name: "types",
    passed: 0,
    failed: text.split("\n").filter((line) => / error TS\d+:|^error TS\d+:/.test(line)).length,
  };
}

/** Tests chosen by name, on OpenXLA: a file of which none ran has failed, since its tests go by other names now. */
function xlaCounts() {
  const results = parsed("xla.json")?.testResults ?? [];
  const unheard = results.filter(({ assertionResults }) =>
    assertionResults.every(({ status }) => status !== "passed" && status !== "failed"),
  );
  for (const file of unheard) console.log(`no test that .ci/xla names was found in ${relative(".", file.name)}`);
  const { passed, failed } = testCounts("xla");
  return { name: "xla", passed, failed: failed + unheard.filter(({ status }) => status !== "failed").length };
}

/** Brings counts in line with the tool's exit code. */
function settled(counts) {
  const exit = read(`${counts.name}.exit`).trim();
  if (exit === "0" && counts.failed === 0) {
    // Lint and types pass as one check each; a test run that ran nothing has not passed.
    if (counts.name === "lint" || counts.name === "types") return { ...counts, passed: 1 };
    return counts.passed > 0 ? counts : { ...counts, failed: 1 };
  }
  if (counts.failed > 0) return counts;
  console.log(`${counts.name}: ended with exit code ${exit || "unknown"} and named no failure`);
  return { ...counts, failed: 1 };
}

const xla = read("xla.exit") === "" ? [] : [xlaCounts()];
const totals = [testCounts("tests"), ...xla, lintCounts(), typeCounts()].map(settled);
for (const { name, passed, failed } of totals) console.log(`${name}: ${passed} passed, ${failed} failed`);
const sum = (key) => totals.reduce((total, counts) => total + counts[key], 0);
console.log(`${sum("passed")} passed, ${sum("failed")} failed`);
process.exitCode = sum("failed") > 0 ? 1 : 0;

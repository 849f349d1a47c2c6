import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { papo, root } from "../support/command-line.ts";
import { userFolder, writeRunFile } from "./support.ts";

let parent = "";
beforeAll(() => {
  parent = mkdtempSync(join(root, "runs-test-"));
});
afterAll(() => {
  rmSync(parent, { recursive: true, force: true });
});

const settings =
  "{ steps: 3, promptsPerStep: 2, samplesPerPrompt: 2, checkpointEvery: 3, sampling: { maxNewTokens: 4 } }";
const evaluation = '{ data: "rows.jsonl", every: 1, samples: 4, pictures: [] }';
/** Says when a step's update has begun. */
const says =
  "{ name: 'SaysPlugin', constructor: { name: 'SaysPlugin' }, apply: ({ hooks }) => hooks.terms.tap('SaysPlugin', (terms, { step }) => (console.log(`learning ${step}`), terms)) }";
const plugins = `[...grpo(), ${says}]`;

/** A run's folder, with a run file in it. */
function runFile(fields: Readonly<Record<string, string | null>> = {}): {
  readonly folder: string;
  readonly file: string;
} {
  const folder = userFolder(parent);
  return { folder, file: writeRunFile(folder, { settings, plugins, ...fields }) };
}
const steps = (folder: string): number[] =>
  readFileSync(join(folder, "out/metrics.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => (JSON.parse(line) as { step: number }).step);
const metrics = (folder: string): string => readFileSync(join(folder, "out/metrics.jsonl"), "utf8");

describe("papo train", () => {
  test("SIGTERM in a step saves it, exits 143, says how to go on, and going on ends as a run that was left alone", async () => {
    const [whole, stopped] = [runFile({ evaluation }), runFile({ evaluation })];
    expect((await papo(["train", whole.file], whole.folder)).code).toBe(0);
    const first = await papo(["train", stopped.file], stopped.folder, undefined, [
      { when: /learning 2/, signal: "SIGTERM" },
    ]);
    expect(first).toMatchObject({ code: 143, signal: null });
    expect(first.output).toMatch(
      /stopping after this step, within 25 s[^]*stopped after 2 of 3 steps; all of it is safe in .*step-2\ngo on with: npx papo train \S+run\.ts --resume\n$/,
    );
    // No evaluation is begun after it: not the step's, and not the last one.
    expect(steps(stopped.folder)).toEqual([1]);
    expect(existsSync(join(stopped.folder, "out/evaluation/step-2"))).toBe(false);
    expect(existsSync(join(stopped.folder, "out/evaluation/after"))).toBe(false);
    const second = await papo(["train", stopped.file, "--resume"], stopped.folder);
    expect(second.code).toBe(0);
    expect(second.output).toContain("finished after 3 steps");
    expect(metrics(stopped.folder)).toBe(metrics(whole.folder));
    for (const moment of ["before", "step-2", "step-3", "after"]) {
      const answers = (folder: string): string =>
        readFileSync(join(folder, "out/evaluation", moment, "questions.jsonl"), "utf8");
      expect(answers(stopped.folder)).toBe(answers(whole.folder));
    }
  }, 240_000);

  test("a second Ctrl-C ends it at once, in the middle of native work, without an abort", async () => {
    const { folder, file } = runFile({
      settings:
        "{ steps: 40, promptsPerStep: 8, samplesPerPrompt: 8, checkpointEvery: 1, sampling: { maxNewTokens: 128 } }",
    });
    const outcome = await papo(["train", file], folder, undefined, [
      { when: /learning 1/, signal: "SIGINT" },
      { when: /stopping after this step/, signal: "SIGINT" },
    ]);
    expect(outcome).toMatchObject({ code: 130, signal: null });
    expect(outcome.output).not.toMatch(/terminate called|Napi|abort|Error/i);
    expect(existsSync(join(folder, "out/lock.json"))).toBe(false);
  }, 240_000);

  test("Ctrl-C that ends its reader first (a tee) saves the step all the same", async () => {
    const { folder, file } = runFile();
    const outcome = await papo(["train", file], folder, undefined, [
      { when: /learning 3/, signal: "SIGINT", leave: true },
    ]);
    expect(outcome).toMatchObject({ code: 130, signal: null });
    expect(readdirSync(join(folder, "out/checkpoints"))).toContain("step-3");
    expect(existsSync(join(folder, "out/lock.json"))).toBe(false);
  }, 240_000);

  test("SIGTERM while it starts takes back what it wrote", async () => {
    const { folder, file } = runFile({
      data: '{ path: "rows.jsonl", template: "{prompt}" }',
      plugins: `(process.kill(process.pid, 'SIGTERM'), grpo())`,
    });
    expect(await papo(["train", file], folder)).toMatchObject({ code: 143, signal: null });
    expect(existsSync(join(folder, "out"))).toBe(false);
  }, 240_000);

  test("Ctrl-C in an evaluation before the first step keeps its answers, which are not asked again", async () => {
    const rows = Array.from({ length: 20 }, (_, index) => `{"prompt":"Count ${index}.","answer":"1"}\n`).join("");
    const { folder, file } = runFile({
      evaluation: '{ data: "many.jsonl", samples: 16 }',
      settings: settings.replace("steps: 3", "steps: 1"),
    });
    writeFileSync(join(folder, "many.jsonl"), rows);
    const { code, output } = await papo(["train", file], folder, undefined, [
      { when: /(evaluating 20 rows before[^]*){2}/, signal: "SIGINT" },
    ]);
    expect(code).toBe(130);
    expect(output).toMatch(/go on with: npx papo train/);
    const kept = readFileSync(join(folder, "out/evaluation/before/questions.jsonl"), "utf8");
    expect(kept.split("\n").length).toBeLessThan(21);
    expect((await papo(["train", file, "--resume"], folder)).code).toBe(0);
    expect(readFileSync(join(folder, "out/evaluation/before/questions.jsonl"), "utf8").startsWith(kept)).toBe(true);
    expect(readdirSync(join(folder, "out/checkpoints"))).toContain("step-1");
  }, 240_000);
});

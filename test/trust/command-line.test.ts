import { mkdtempSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readSafetensors } from "../../core/model/files/safetensors.ts";
import { tinyModel, userFolder, writeRunFile } from "./support.ts";
import { papo } from "../support/command-line.ts";

let parent = "";
beforeAll(() => {
  parent = mkdtempSync(fileURLToPath(new URL("../../runs-test-", import.meta.url)));
});
afterAll(() => {
  rmSync(parent, { recursive: true, force: true });
});

/**
 * What `papo train run.ts` says of a run file that is wrong; an error is one message, without a stack, and exit code 1.
 */
async function refusal(fields: Readonly<Record<string, string | null>>, command = "train"): Promise<string> {
  const folder = userFolder(parent);
  const { code, output } = await papo([command, writeRunFile(folder, fields)], folder);
  expect(output).not.toMatch(/^ {4}at /m);
  expect(code).toBe(1);
  return output;
}

describe("papo train", () => {
  test.each([
    [
      "a setting",
      { settings: "{ learningrate: 1 }" },
      /papo train: RunSettings: unknown option "learningrate"; did you mean "learningRate"\?/,
    ],
    [
      "a field of the run file",
      { rewards: "() => 1", reward: null },
      /papo train: .*run\.ts: unknown option "rewards"; did you mean "reward"\?/,
    ],
    ["a plugin", { plugins: "[grpo()]" }, /plugins\[0\] is no plugin; it is an array: spread it/],
    [
      "a view",
      { plugins: "papo(grpo()).filter(({ name }) => name !== 'RandomMaskPlugin')" },
      /papo train: PerceptionKlPlugin asks for the view "masked", and no plugin registers it/,
    ],
    ["the model", { model: '"nowhere"' }, /papo train: There is no model folder .*nowhere$/m],
    ["the data", { data: '"nowhere.jsonl"' }, /papo train: The dataset .*nowhere\.jsonl does not exist/],
    ["the output", { output: '"rows.jsonl"' }, /papo train: The folder .*rows\.jsonl cannot be written to: ENOTDIR/],
  ] as const)("refuses a mistake in %s in a sentence, before the model works", async (_where, fields, message) => {
    expect(await refusal(fields)).toMatch(message);
  });

  test("ends with the error of a reward that hangs, though the reward still holds on", async () => {
    const hangs =
      "[...grpo(), new FunctionRewardPlugin({ name: 'judge', timeoutSeconds: 0.3, score: () => new Promise((resolve) => setTimeout(resolve, 1e8, 1)) })]";
    const output = await refusal({ plugins: hangs, reward: null });
    expect(output).toMatch(
      /papo train: Step 1 failed: Scorer "judge" failed on response 0 to row ".*": it gave no answer within 0\.3 s/,
    );
    expect(output).toMatch(/up to step 0 is safe in .*step-0/);
  });

  test("leaves an earlier run and its evaluation as they were", async () => {
    const folder = userFolder(parent);
    const file = writeRunFile(folder, { evaluation: '"rows.jsonl"' });
    expect((await papo(["train", file], folder)).code).toBe(0);
    const evaluation = join(folder, "out/evaluation/after/questions.jsonl");
    const [before, changed] = [readFileSync(evaluation, "utf8"), statSync(evaluation).mtimeMs];
    const again = await papo(["train", file], folder);
    expect(again.output).toMatch(/out holds a run already: resume it/);
    expect(again.code).toBe(1);
    expect(readFileSync(evaluation, "utf8")).toBe(before);
    expect(statSync(evaluation).mtimeMs).toBe(changed);
  });

  test.skipIf(process.platform === "win32")("ends with the checkpoint before when the disk takes no more", async () => {
    const folder = userFolder(parent);
    const file = writeRunFile(folder);
    // The weights fit (4.7 MB); the optimizer's state, which the first step makes twice as large as the decoder's
    // weights, does not.
    const { code, output } = await papo(["train", file], folder, 5_500_000);
    expect(output).toMatch(
      /papo train: The checkpoint of step 1 cannot be written: EFBIG.*\nEverything up to step 0 is safe in .*step-0; .*--resume/,
    );
    expect(output).not.toMatch(/^ {4}at /m);
    expect(code).toBe(1);
    expect(readdirSync(join(folder, "out/checkpoints"))).toEqual(["step-0"]);
    const resumed = await papo(["train", file, "--resume"], folder);
    expect(resumed.output).toContain("finished after 2 steps");
    expect(resumed.code).toBe(0);
  });
});

describe("papo sft", () => {
  test("keeps what was learned before a row that cannot be used, and never writes over a trained model", async () => {
    const folder = userFolder(parent);
    const rows = Array.from({ length: 6 }, (_, index) => ({
      prompt: "Count.",
      answer: "1",
      ...(index === 5 ? { images: ["bad.png"] } : {}),
    }));
    writeFileSync(join(folder, "rows.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    writeFileSync(join(folder, "bad.png"), "no picture");
    const file = writeRunFile(folder, { settings: "{ steps: 50, promptsPerStep: 1, seed: 2 }" });
    const { code, output } = await papo(["sft", file], folder);
    expect(output).toMatch(
      /papo sft: Row "line-6" cannot be used: .*bad\.png.*\nAs it was after step \d: model: .*supervised\/model/,
    );
    expect(code).toBe(1);
    expect(existsSync(join(folder, "out/supervised/model/model.safetensors"))).toBe(true);
    const again = await papo(["sft", file], folder);
    expect(again.output).toMatch(
      /supervised holds a trained model already: choose another output folder, or remove it/,
    );
    expect(again.code).toBe(1);
  });

  test("trains an adapter, which PEFT's folder holds, and leaves the base as it is", async () => {
    const folder = userFolder(parent);
    const base = (): readonly string[] =>
      readdirSync(tinyModel).map((name) => readFileSync(join(tinyModel, name), "base64"));
    const before = base();
    const lora = '{ rank: 2, targetModules: ["q_proj", "v_proj"] }';
    const file = writeRunFile(folder, {
      settings: `{ steps: 2, promptsPerStep: 2, learningRate: 1e-2, lora: ${lora} }`,
    });
    const { code, output } = await papo(["sft", file], folder);
    expect(output).toMatch(/step 2: loss [\d.]+[^]*supervised\/adapter/);
    expect(code).toBe(0);
    expect(readdirSync(join(folder, "out/supervised"))).not.toContain("model");
    const saved = join(folder, "out/supervised/adapter");
    expect(JSON.parse(readFileSync(join(saved, "adapter_config.json"), "utf8"))).toMatchObject({
      peft_type: "LORA",
      r: 2,
    });
    const factors = await readSafetensors(join(saved, "adapter_model.safetensors"));
    const trained = [...factors].filter(([name]) => name.endsWith("lora_B.weight"));
    expect(trained).toHaveLength(2 * 4);
    // Factors B begin at zero.
    for (const [name, { data }] of trained)
      expect(
        (data as Float32Array).some((value) => value !== 0),
        name,
      ).toBe(true);
    expect(base()).toEqual(before);
  });
});

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { StepNumbers } from "@papo/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { papo, root } from "../../../support/command-line.ts";
import { userFolder, writeRunFile } from "../../../trust/support.ts";

let parent = "";
let folder = "";
beforeAll(async () => {
  parent = mkdtempSync(join(root, "runs-test-"));
  folder = userFolder(parent);
  const file = writeRunFile(folder, {
    plugins: "[new LengthRewardPlugin(), ...papo(grpo())]",
    settings:
      "{ steps: 3, promptsPerStep: 2, samplesPerPrompt: 2, learningRate: 1e-2, checkpointEvery: 2, sampling: { maxNewTokens: 4 } }",
  });
  expect((await papo(["train", file], folder)).code).toBe(0);
}, 60_000);
afterAll(() => rmSync(parent, { recursive: true, force: true }));

/** Every file under the user's folder, with what it holds. */
function contents(): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
    statSync(join(folder, name)).isFile(),
  );
  return Object.fromEntries(names.sort().map((name) => [name, readFileSync(join(folder, name), "base64")]));
}

test("a step is equal to the bit, and would have been another with another option; nothing changes in the run's folder", async () => {
  const before = contents();
  // Of a replay that was killed.
  mkdirSync(join(folder, "out.replay-killed"));
  writeFileSync(join(folder, "out.replay-killed", "lock.json"), "{}");
  const same = await papo(["replay", "out", "--step", "3"], folder);
  expect(same.output).toContain("step 3 computed again: equal bits in all that was recorded");
  expect(same.output).toMatch(
    /view masked: equal[^]*tokens: equal[^]*verdicts: all 8 equal[^]*weights and optimizer: all \d+ files equal/,
  );
  expect(same.code).toBe(0);
  const other = await papo(
    [
      "replay",
      "out",
      "--step",
      "3",
      "--with",
      "PerceptionKlPlugin.coefficient=0.5",
      "--with",
      "LengthRewardPlugin.atLeast=16",
    ],
    folder,
  );
  expect(other.output).toMatch(
    /step 3 with plugins\.PerceptionKlPlugin\.coefficient=0\.5, plugins\.LengthRewardPlugin\.atLeast=16: \d+ metrics differ[^]*coefficient\/papo\/gamma +0\.01 +0\.5/,
  );
  // Judged anew, and not by what was written down: at most 4 of 16 tokens.
  expect(other.output).toMatch(/reward\/part\/length +1 +0\.\d+/);
  expect(other.code).toBe(0);
  expect(contents()).toEqual(before);
}, 60_000);

test("numbers that were changed are named with their largest difference and place; a step that was not done is an error", async () => {
  const [metrics, steps] = [join(folder, "out/metrics.jsonl"), join(folder, "out/steps.jsonl")];
  const originals = [metrics, steps].map((file) => readFileSync(file, "utf8"));
  const lines = originals[0]!
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { metrics: Record<string, number> });
  lines[0]!.metrics["reward/mean"]! += 0.25;
  writeFileSync(metrics, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  // As of a step on another machine: a log-prob, and a mask whose prompts are not among those recorded by number.
  const { logProbs } = (JSON.parse(originals[1]!.split("\n")[0]!) as { numbers: StepNumbers }).numbers.responses[1]!;
  const others = Buffer.from(logProbs, "base64");
  others.writeFloatLE(others.readFloatLE(0) - 0.5, 0);
  writeFileSync(
    steps,
    originals[1]!
      .replace(/"(view masked|log-probs)":"[^"]*"/g, '"$1":"other"')
      .replace(logProbs, others.toString("base64")),
  );
  const changed = await papo(["replay", "out", "--step", "1"], folder);
  [metrics, steps].forEach((file, index) => writeFileSync(file, originals[index]!));
  expect(changed.output).toMatch(
    /step 1 computed again: it differs\n {2}metrics: 1 of \d+ differ, most reward\/mean: .* \(by 2\.50e-1\)/,
  );
  expect(changed.output).toMatch(
    /view masked: differ\n[^]*log-probs: differ, largest difference 5\.00e-1 nats, response 1 to "[^"]+", token 1: -\S+ → -\S+\n/,
  );
  expect(changed.code).toBe(1);
  const none = await papo(["replay", "out", "--step", "9"], folder);
  expect(none.output).toContain("holds no metrics of step 9: it holds those of steps 1 to 3");
  expect(none.code).toBe(1);
}, 60_000);

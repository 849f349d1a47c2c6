import { existsSync, mkdirSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  newestCheckpoint,
  policyFolder,
  writeCheckpoint,
  type RunDescription,
  type RunState,
} from "../../../core/checkpoint/checkpoint.ts";
import { parseSettings } from "../../../core/contracts/settings.ts";
import { temporaryFolder } from "../../support/bandit.ts";
import { TabularPolicy } from "../../support/tabular-policy.ts";

const description: RunDescription = {
  settings: parseSettings(),
  plugins: [{ name: "OnePlugin", options: { weight: 1 } }],
  dataset: { name: "rows", size: 3 },
};
const state = (step: number): RunState => ({
  step,
  position: { epoch: 1, index: 2 },
  skippedRows: 0,
  plugins: { OnePlugin: [step] },
  coefficients: {},
});
const write = (root: string, step: number, keep = 9, learner = new TabularPolicy()): Promise<string> =>
  writeCheckpoint(root, { learner, state: state(step), description, addFiles: () => undefined }, keep);

test("what was written is read back, the newest first, by number", async () => {
  const root = temporaryFolder();
  for (const step of [2, 9, 10]) await write(root, step);
  const { checkpoint, damaged } = newestCheckpoint(root);
  expect(checkpoint).toEqual({ folder: join(root, "step-10"), state: state(10), description });
  expect(damaged).toEqual([]);
  expect(existsSync(join(policyFolder(checkpoint!.folder), "weights.json"))).toBe(true);
});

test("the oldest beyond those to keep are removed", async () => {
  const root = temporaryFolder();
  for (const step of [9, 10, 11]) await write(root, step, 2);
  expect(readdirSync(root).sort()).toEqual(["step-10", "step-11"]);
});

test("a write that fails leaves no checkpoint of its name and the earlier ones whole", async () => {
  const root = temporaryFolder();
  await write(root, 1);
  const full = Object.assign(new TabularPolicy(), {
    save: async () => {
      throw new Error("disk full");
    },
  });
  await expect(write(root, 2, 9, full)).rejects.toThrow("disk full");
  expect(newestCheckpoint(root).checkpoint?.state.step).toBe(1);
  await write(root, 2);
  expect(readdirSync(root).sort()).toEqual(["step-1", "step-2"]);
});

test("a half-written folder is none, and a damaged one is passed over and named", async () => {
  const root = temporaryFolder();
  for (const step of [1, 2, 3]) await write(root, step);
  mkdirSync(join(root, "step-4.partial"));
  truncateSync(join(root, "step-3", "policy", "weights.json"), 5);
  rmSync(join(root, "step-2", "policy", "optimizer.json"));
  const { checkpoint, damaged } = newestCheckpoint(root);
  expect(checkpoint?.state.step).toBe(1);
  expect(damaged[0]).toMatch(/step-3: policy\/weights\.json has 5 bytes, \d+ were written/);
  expect(damaged[1]).toMatch(/step-2: policy\/optimizer\.json is missing/);
  writeFileSync(join(root, "step-1", "files.json"), "{");
  expect(() => newestCheckpoint(root)).toThrow(
    /No checkpoint under .* is whole:\n.*step-3.*\n.*step-2.*\n.*step-1: files\.json holds no sizes and hashes/,
  );
});

test("no checkpoint is null", () => {
  expect(newestCheckpoint(join(temporaryFolder(), "none"))).toEqual({ checkpoint: null, damaged: [] });
});

import { chmodSync, cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { grpo } from "@papo/recipes";
import { newestCheckpoint } from "../../core/checkpoint/checkpoint.ts";
import { BanditPlugin, ScorerPlugin } from "../support/bandit.ts";
import {
  evenTokens,
  flipBit,
  halve,
  newFolder,
  removeFolders,
  replaceIn,
  small,
  trainSmall,
  weightsOf,
} from "./support.ts";

afterAll(removeFolders);

describe("an output folder", () => {
  test("that is a file, or lies in one, is refused", async () => {
    const file = join(newFolder(), "out");
    writeFileSync(file, "mine");
    expect((await trainSmall({ output: file })).error).toMatch(
      /^The folder .*out cannot be written to: ENOTDIR.*; choose another$/,
    );
    expect((await trainSmall({ output: join(file, "deeper") })).error).toMatch(
      /^The folder .*deeper cannot be written to: ENOTDIR/,
    );
    expect(readFileSync(file, "utf8")).toBe("mine");
  });

  test.skipIf(process.getuid?.() === 0)("that is read-only is refused", async () => {
    const output = newFolder();
    chmodSync(output, 0o500);
    expect((await trainSmall({ output })).error).toMatch(/^The folder .* cannot be written to: EACCES/);
  });

  test("that holds a run is refused, and the run in it stays as it was", async () => {
    const { output } = await trainSmall({ settings: { steps: 1 } });
    const before = readdirSync(output, { recursive: true }).length;
    expect((await trainSmall({ output })).error).toMatch(
      /holds a run already: resume it \(resume: true, or --resume\), choose another output folder, or begin anew in this one \(--overwrite\)/,
    );
    expect(readdirSync(output, { recursive: true })).toHaveLength(before);
  });
});

describe("a start that fails", () => {
  test("leaves no folder behind, whatever it failed at", async () => {
    const output = join(newFolder(), "runs", "out");
    expect((await trainSmall({ output, settings: { parityTolerance: 1e-30 } })).error).toMatch(/nats/);
    expect(existsSync(join(output, ".."))).toBe(false);
    const used = newFolder();
    writeFileSync(join(used, "notes.txt"), "mine");
    expect((await trainSmall({ output: used, settings: { parityTolerance: 1e-30 } })).error).toMatch(/nats/);
    expect(readdirSync(used)).toEqual(["notes.txt"]);
  });

  test("in its first step leaves something to resume, but no run: another one may begin there", async () => {
    const output = newFolder();
    const breaks = new ScorerPlugin({ name: "even", score: () => NaN });
    expect((await trainSmall({ output, plugins: [breaks, new BanditPlugin()] })).error).toMatch(
      /Step 1 failed[^]*step 0 is safe/,
    );
    expect(existsSync(join(output, "checkpoints/step-0"))).toBe(true);
    const { summary, metrics } = await trainSmall({ output, settings: { steps: 1, seed: 5 } });
    expect(summary).toMatchObject({ steps: 1, resumedFrom: null });
    expect(metrics).toHaveLength(1);
  });
});

describe("a run that is finished", () => {
  test("goes on with more steps, to the same end as one that was to have them from the start, and not to fewer", async () => {
    const settings = { steps: 3 };
    const whole = await trainSmall({ settings });
    const { output } = await trainSmall({ settings: { steps: 2 } });
    const { summary, metrics, plan } = await trainSmall({ settings, output, resume: true });
    expect(summary).toMatchObject({ steps: 3, ended: "finished" });
    expect(metrics).toEqual(whole.metrics);
    expect(readFileSync(weightsOf(output, 3)).equals(readFileSync(weightsOf(whole.output, 3)))).toBe(true);
    expect(plan).toContain("the run was to have 2 steps and has 3 now: the learning rate is as it was");
    expect((await trainSmall({ settings: { steps: 2 }, output, resume: true })).error).toMatch(
      /has done 3 steps and cannot be resumed with steps: 2: set 3 or more/,
    );
  });

  test("says what a longer run does to its learning rate", async () => {
    const { output } = await trainSmall({ settings: { steps: 2, decay: "linear" } });
    const { plan, metrics } = await trainSmall({ settings: { steps: 4, decay: "linear" }, output, resume: true });
    expect(plan.find((line) => line.startsWith("the run was"))).toBe(
      "the run was to have 2 steps and has 4 now: the linear decay of the learning rate goes to step 4 now (step 3: 5.00e-4, it was to be past its end)",
    );
    expect(metrics.map((step) => step["learner/learning_rate"])).toEqual([0.001, 0.0005, 0.0005, 0.00025]);
  });
});

describe("a run that is resumed", () => {
  test("with another setting, recipe or dataset is refused, with each difference", async () => {
    const { output } = await trainSmall({ settings: { steps: 1 } });
    const other = await trainSmall({
      output,
      resume: true,
      settings: { steps: 1, learningRate: 0.5, sampling: { maxNewTokens: 5 } },
    });
    expect(other.error).toMatch(
      /step-1 cannot be resumed with other settings.*\n {2}settings\.sampling\.maxNewTokens: 4 → 5\n {2}settings\.learningRate: 0\.001 → 0\.5\n.*Set them back, or start a new run/s,
    );
    const recipe = await trainSmall({
      output,
      resume: true,
      settings: { steps: 1 },
      plugins: [evenTokens(), ...grpo()],
    });
    expect(recipe.error).toMatch(/plugins\.1 BanditPlugin.*absent/);
    const rows = await trainSmall({ output, resume: true, settings: { steps: 1 }, rows: [{ prompt: "Other." }] });
    expect(rows.error).toMatch(/dataset\.size: 3 → 1/);
    expect(existsSync(weightsOf(output, 1))).toBe(true);
  });

  const settings = { ...small, steps: 3 };
  const damages: readonly (readonly [what: string, damage: (checkpoint: string) => void, told: RegExp])[] = [
    [
      "cut weights",
      (at) => halve(join(at, "policy/model/model.safetensors")),
      /model\.safetensors has \d+ bytes, \d+ were written/,
    ],
    [
      "a cut optimizer",
      (at) => halve(join(at, "policy/optimizer.safetensors")),
      /optimizer\.safetensors has \d+ bytes, \d+ were written/,
    ],
    [
      "a flipped bit of the weights",
      (at) => flipBit(join(at, "policy/model/model.safetensors")),
      /model\.safetensors was changed: its sha256 is another/,
    ],
    [
      "a flipped bit of the optimizer",
      (at) => flipBit(join(at, "policy/optimizer.safetensors")),
      /optimizer\.safetensors was changed/,
    ],
    [
      "an earlier step written into it",
      (at) => replaceIn(join(at, "state.json"), '"step": 3', '"step": 2'),
      /state\.json was changed/,
    ],
    [
      "a reward changed in its journal",
      (at) => replaceIn(join(at, "rewards/step-3.jsonl"), '"value":0', '"value":1'),
      /rewards\/step-3\.jsonl was changed/,
    ],
    [
      "a flipped bit of the hashes",
      (at) => replaceIn(join(at, "files.json"), '"sha256": "', '"sha256": "0'),
      / was changed/,
    ],
    ["a missing state", (at) => rmSync(join(at, "state.json")), /state\.json is missing/],
    ["a cut list of files", (at) => halve(join(at, "files.json")), /files\.json holds no sizes and hashes/],
    [
      "everything empty",
      (at) => readdirSync(at).forEach((name) => rmSync(join(at, name), { recursive: true })),
      /files\.json is missing/,
    ],
  ];

  test("from a damaged newest checkpoint falls back to the one before, says so, and ends the same", async () => {
    const whole = await trainSmall({ settings });
    const trained = readFileSync(weightsOf(whole.output, 3));
    for (const [what, damage, told] of damages) {
      const output = newFolder();
      cpSync(whole.output, output, { recursive: true });
      damage(join(output, "checkpoints/step-3"));
      const { checkpoint, damaged } = newestCheckpoint(join(output, "checkpoints"));
      expect(checkpoint?.folder, what).toBe(join(output, "checkpoints/step-2"));
      expect(damaged, what).toEqual([expect.stringMatching(told)]);
      // Whatever the damage is, a run that is resumed goes by this alone.
      if (!["a flipped bit of the weights", "everything empty"].includes(what)) continue;
      const { error, alarms, summary, metrics } = await trainSmall({ settings, output, resume: true });
      expect(error).toBeNull();
      expect(summary?.resumedFrom).toBe(join(output, "checkpoints/step-2"));
      expect(alarms).toEqual([expect.stringMatching(/^run: a damaged checkpoint is passed over: .*step-3: /)]);
      expect(alarms[0]).toMatch(told);
      expect(metrics).toEqual(whole.metrics);
      expect(readFileSync(weightsOf(output, 3)).equals(trained)).toBe(true);
    }
  });

  test("with no checkpoint that is whole is refused, and nothing is removed", async () => {
    const { output } = await trainSmall({ settings });
    for (const step of [2, 3]) halve(weightsOf(output, step));
    expect((await trainSmall({ settings, output, resume: true })).error).toMatch(
      /^No checkpoint under .* is whole:\n.*step-3: .*\n.*step-2: /,
    );
    expect(existsSync(weightsOf(output, 2))).toBe(true);
    expect(readFileSync(join(output, "metrics.jsonl"), "utf8").trim().split("\n")).toHaveLength(3);
  });

  test("does not count a damaged checkpoint of a later step among those it keeps", async () => {
    const { output } = await trainSmall({ settings: { ...settings, steps: 4, checkpointEvery: 2 } });
    halve(weightsOf(output, 4));
    // The journal has the rewards of step 3.
    rmSync(join(output, "rewards/step-4.jsonl"));
    const breaks = new ScorerPlugin({ name: "even", score: () => NaN });
    const { error, summary } = await trainSmall({
      settings: { ...settings, steps: 4 },
      output,
      plugins: [breaks, new BanditPlugin()],
      resume: true,
    });
    expect(summary).toBeNull();
    expect(error).toMatch(/Step 4 failed/);
    expect(readdirSync(join(output, "checkpoints")).sort()).toEqual(["step-2", "step-3", "step-4"]);
  });
});

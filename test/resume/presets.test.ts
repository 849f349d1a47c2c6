import { cpSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { beforeAll, describe, expect, test } from "vitest";
import {
  DiffusionNoisePlugin,
  DynamicSamplingPlugin,
  ObserverSolverPlugin,
  PrioritizedReplayPlugin,
  RandomMaskPlugin,
} from "@papo/plugins";
import { grpo, preset, presetNames, type PresetName } from "@papo/recipes";
import { createHost } from "@papo/core";
import { arrayDataset, type Dataset } from "../../core/data/dataset.ts";
import { carriedGroup } from "../../core/contracts/step/carried-group.ts";
import type { Plugin, Run } from "../../core/contracts/plugin.ts";
import type { Policy } from "../../core/contracts/policy.ts";
import { train } from "../../core/pipeline/run.ts";
import { learnerSettings, parseSettings, type RunSettingsInput } from "../../core/contracts/settings.ts";
import { kindOf } from "../../core/learner/learner.ts";
import type { Scorer } from "../../core/contracts/registered/scorer.ts";
import { openPolicyInProcess, type OpenPolicy } from "../../core/worker/policy.ts";
import { BanditPlugin, ScorerPlugin, TapPlugin, temporaryFolder } from "../support/bandit.ts";
import { tabularPolicy } from "../support/tabular-policy.ts";

const small = {
  promptsPerStep: 3,
  samplesPerPrompt: 3,
  promptsPerMinibatch: 2,
  learningRate: 0.05,
  warmupSteps: 0,
  checkpointEvery: 1,
  parityPrompts: 0,
  sampling: { maxNewTokens: 5 },
} satisfies RunSettingsInput;

/** Letters with a picture, so that there is something to mask. */
const picture = join(temporaryFolder(), "picture.png");
const letters = arrayDataset(
  ["a", "b", "c", "d", "e", "f"].map((letter) => ({ id: letter, prompt: letter, answer: letter, images: [picture] })),
);
beforeAll(async () => {
  await sharp({ create: { width: 56, height: 56, channels: 3, background: { r: 40, g: 200, b: 90 } } })
    .png()
    .toFile(picture);
});

/** Rewards that differ within a group, of the names that recipes look for. */
const rewards = new TapPlugin(({ rewards }) => {
  const divides =
    (by: number): Scorer["score"] =>
    ({ response }) =>
      response.tokens.reduce((sum, token) => sum + token, 0) % by === 0 ? 1 : 0;
  for (const [name, by] of [
    ["accuracy", 3],
    ["format", 2],
  ] as const)
    rewards.register({ name, weight: 0.5, timeoutSeconds: 5, onFailure: "stop", score: divides(by) });
});

/**
 * Copies the run's folder while a step samples, or in the middle of its update, as a kill at that moment would leave
 * it.
 */
class CopyPlugin implements Plugin {
  readonly name = "CopyPlugin";
  readonly apply: Plugin["apply"];

  constructor(at?: { readonly step: number; readonly place: "sampling" | "update"; readonly copy: () => void }) {
    let copied = false;
    const pass = <T>(place: string, step: number, value: T): T => {
      if (at?.place === place && at.step === step && !copied) {
        copied = true;
        at.copy();
      }
      return value;
    };
    this.apply = ({ hooks }) => {
      hooks.groups.tapPromise(this.name, async (selection, { step }) => pass("sampling", step, selection));
      hooks.terms.tap(this.name, (terms, { step }) => pass("update", step, terms));
    };
  }
}

/** Every file of a run by its path, times left out. */
function contents(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(
    (name) => statSync(join(folder, name)).isFile() && name !== "timings.jsonl",
  );
  return Object.fromEntries(names.sort().map((name) => [name, readFileSync(join(folder, name), "base64")]));
}

interface Killed {
  readonly recipe: () => readonly Plugin[];
  readonly settings: RunSettingsInput;
  /** The step in which it is killed; checkpoints of the steps before are there. */
  readonly step?: number;
  readonly place?: "sampling" | "update";
  readonly dataset?: Dataset;
  /** A policy with the weights of the start. */
  readonly open?: () => Promise<Policy>;
}

/** Runs, is killed in a step, goes on from what is left, and is compared. @returns metrics of each step */
async function killedOnce({
  recipe,
  settings,
  step = 2,
  place = "update",
  dataset = letters,
  open = async () => tabularPolicy(),
}: Killed): Promise<Readonly<Record<string, number>>[]> {
  const [whole, killed] = [temporaryFolder(), temporaryFolder()];
  await train({
    policy: await open(),
    dataset,
    settings,
    output: whole,
    plugins: [...recipe(), new CopyPlugin({ step, place, copy: () => cpSync(whole, killed, { recursive: true }) })],
  });
  // The lock that a killed process leaves is not this process's.
  rmSync(join(killed, "lock.json"));
  expect(linesOf(killed)).toHaveLength(step - 1);
  await train({
    policy: await open(),
    dataset,
    settings,
    output: killed,
    plugins: [...recipe(), new CopyPlugin()],
    resume: true,
  });
  expect(contents(killed)).toEqual(contents(whole));
  return linesOf(whole).map((line) => (JSON.parse(line) as { metrics: Record<string, number> }).metrics);
}

const linesOf = (folder: string): string[] => readFileSync(join(folder, "metrics.jsonl"), "utf8").trim().split("\n");

/** A preset's plugins and settings at the size of a test. */
function smallest(name: PresetName, steps: number): Pick<Killed, "recipe" | "settings"> {
  const {
    settings: { sampling, promptsPerRound: _, ...settings },
  } = preset(name);
  const recipe = (): readonly Plugin[] => {
    // The rewards that published ones bring are 0 for every response here.
    const others = preset(name).plugins.filter(
      (plugin) => !["MathRewardPlugin", "FormatRewardPlugin"].includes(plugin.name),
    );
    return [rewards, ...others];
  };
  return {
    recipe,
    settings: { ...settings, ...small, steps, maxRounds: 2, sampling: { ...sampling, ...small.sampling } },
  };
}

const { outputs } = tabularPolicy().learner.capabilities;
const needsModel = (name: PresetName): boolean =>
  createHost(preset(name).plugins, { seed: 1 })
    .scores()
    .some(({ output }) => !outputs.includes(kindOf(output)));

test.each(presetNames.filter((name) => !needsModel(name)))(
  "%s ends byte-equal when it is killed in a step and resumed",
  async (name) => {
    await killedOnce(smallest(name, 2));
  },
);

test.each(presetNames.filter(needsModel))(
  "%s, which needs a model, does so with the one of the embedded task",
  async (name) => {
    const opened: OpenPolicy[] = [];
    const { recipe, settings } = smallest(name, 2);
    const folder = fileURLToPath(new URL("../../recipes/app/tasks/shapes/start-model", import.meta.url));
    const open = async (): Promise<Policy> => {
      const policy = await openPolicyInProcess({ folder, ...learnerSettings(parseSettings(settings)), threads: 1 });
      opened.push(policy);
      return policy;
    };
    await killedOnce({ recipe, settings: { ...settings, promptsPerStep: 2 }, open }).finally(() =>
      Promise.all(opened.map((policy) => policy.close())),
    );
  },
);

describe("groups kept from one step for a later one", () => {
  /** A view that is another one in each step, and one that follows a coefficient. */
  const views = (): readonly Plugin[] => [new RandomMaskPlugin(), new DiffusionNoisePlugin({ schedule: "linear" })];
  const settings = { ...small, steps: 6 };
  /** Trains on what was sampled under changing views, so that these must come back as they were. */
  const looks = (): Plugin =>
    new TapPlugin(({ hooks, scores }) => {
      const seen = ["masked", "noisy"].map((view) => scores.request({ view, weights: "current", gradient: true }));
      hooks.terms.tap("TapPlugin", (terms, batch) => [
        ...terms,
        ...seen.map((handle, index) => ({
          name: `look ${index}`,
          value: batch.get(handle),
          reduction: "token_mean" as const,
        })),
      ]);
    });

  /** Right by a third. */
  const divisible = (): Plugin =>
    new ScorerPlugin({
      name: "accuracy",
      score: ({ response }) => (response.tokens.reduce((sum, token) => sum + token, 0) % 3 === 0 ? 1 : 0),
    });

  /** Mixes groups of the two steps before into each step. */
  class ReplayPlugin implements Plugin {
    readonly name = "ReplayPlugin";

    apply({ hooks, keptGroups, metric }: Run): void {
      const last = keptGroups();
      const before = keptGroups();
      hooks.groups.tapPromise(this.name, async (selection, { step }) => {
        const [old, kept] = [before.value, selection.groups.slice(0, 1)];
        metric("replay/groups", old.length);
        before.value = last.value;
        last.value = kept.map((group) => carriedGroup(group, step));
        return { ...selection, groups: [...old, ...selection.groups].slice(0, selection.wanted) };
      });
    }
  }

  test("come back after a kill, in the order and with the views that they had", async () => {
    const rows = await killedOnce({
      recipe: () => [new ScorerPlugin(), ...views(), new ReplayPlugin(), new BanditPlugin(), looks()],
      settings,
      step: 4,
    });
    expect(rows.map((row) => row["replay/groups"])).toEqual([0, 0, 1, 1, 1, 1]);
  });

  test("are left out, with an alarm each, where a view comes out otherwise than when their responses were sampled", async () => {
    const shaded = (dropped: number): Plugin =>
      new TapPlugin(({ views }) =>
        views.register({
          name: "shaded",
          dropped: (tokens) => Uint8Array.from({ length: tokens }, (_, token) => (token < dropped ? 1 : 0)),
        }),
      );
    const output = temporaryFolder();
    const alarms: string[] = [];
    const run = (steps: number, dropped: number): Promise<unknown> =>
      train({
        policy: tabularPolicy(),
        dataset: letters,
        output,
        resume: true,
        settings: { ...settings, steps },
        plugins: [new ScorerPlugin(), shaded(dropped), new ReplayPlugin(), new BanditPlugin()],
        onEvents: (events) => events.on("alarm", ({ message }) => alarms.push(message)),
      });
    const left = (): string[] => alarms.filter((message) => message.includes("is left out"));
    await run(3, 0);
    expect(left()).toEqual([]);
    await run(5, 1);
    expect(left()).toHaveLength(2);
    for (const [index, step] of [3, 2].entries()) {
      expect(left()[index]).toMatch(
        new RegExp(
          `^the group "[a-f] \\(step ${step}\\)" that ReplayPlugin kept is left out: the view "shaded" of its prompt is made otherwise than when its responses were sampled$`,
        ),
      );
    }
    const rows = linesOf(output).map(
      (line) => (JSON.parse(line) as { metrics: Record<string, number> }).metrics["replay/groups"],
    );
    // Those that steps 2 and 3 kept would have come in steps 4 and 5.
    expect(rows).toEqual([0, 0, 1, 0, 0]);
  });

  test("are left out, with an alarm each, where their row can be used no longer", async () => {
    const file = join(temporaryFolder(), "own.png");
    cpSync(picture, file);
    const rows = arrayDataset([
      { id: "a", prompt: "a", images: [file] },
      { id: "b", prompt: "b" },
    ]);
    const output = temporaryFolder();
    const alarms: string[] = [];
    const run = (steps: number): Promise<unknown> =>
      train({
        policy: tabularPolicy(),
        dataset: rows,
        output,
        resume: true,
        settings: { ...settings, promptsPerStep: 2, onBadRow: "skip", steps },
        plugins: [new ScorerPlugin(), new ReplayPlugin(), new BanditPlugin()],
        // The digest of the data's pictures is another one then.
        otherwise: true,
        onEvents: (events) => events.on("alarm", ({ message }) => alarms.push(message)),
      });
    await run(4);
    rmSync(file);
    await run(5);
    const left = alarms.filter((message) => message.includes("is left out"));
    expect(left.length).toBeGreaterThan(0);
    for (const message of left)
      expect(message).toMatch(
        /^the group "a \(step \d\)" that ReplayPlugin kept is left out: Row "a" cannot be used: /,
      );
  });

  test("so do those that a plugin trains on beside each step's own, with what it knows of them", async () => {
    const recipe = (): readonly Plugin[] => [
      divisible(),
      ...views(),
      ...grpo({ referenceKl: 0 }),
      new PrioritizedReplayPlugin({ replayed: 2, capacity: 5, priority: "advantage" }),
      looks(),
    ];
    const rows = await killedOnce({ recipe, settings: { ...settings, steps: 4 }, step: 3 });
    expect(rows.map((row) => row["rollout/groups_beside"])).toEqual([0, 2, 2, 2]);
  });

  test("so do groups of a second role, kept ones too", async () => {
    const roles = new ObserverSolverPlugin({ observer: "{question}", solver: "{caption}{question}", samples: 2 });
    const recipe = (): readonly Plugin[] => [
      divisible(),
      ...views(),
      roles,
      ...grpo({ referenceKl: 0 }),
      new PrioritizedReplayPlugin({ replayed: 8, capacity: 40 }),
      looks(),
    ];
    const rows = await killedOnce({ recipe, settings: { ...settings, steps: 3 }, step: 3 });
    expect(rows[2]!["rollout/groups_beside"]).toBeGreaterThan(8);
  });

  test("so do those that dynamic sampling carries over", async () => {
    // One prompt in six varies, so that steps in a row are not full.
    const varied = new ScorerPlugin({
      score: ({ prompt, response }) => (prompt.key === "a" ? response.tokens[0]! % 2 : 1),
    });
    const sampling = new DynamicSamplingPlugin({ whenSpent: "carry", rounds: 1 });
    const recipe = (): readonly Plugin[] => [varied, ...views(), sampling, new BanditPlugin(), looks()];
    const rows = await killedOnce({
      recipe,
      settings: { ...settings, samplesPerPrompt: 6, promptsPerStep: 2, promptsPerRound: 3 },
      step: 5,
      place: "sampling",
    });
    // What step 4 carried over, killed in between.
    expect(rows[3]).not.toHaveProperty("dapo/carried");
    expect(rows[4]).toMatchObject({ "dapo/carried": 1 });
  });
});

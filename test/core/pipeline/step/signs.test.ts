/** What a run says once, and what it says at all of its plugins' mistakes: small whole runs. */
import { mul, neg } from "@tensorflow/tfjs-core";
import { describe, expect, it, test } from "vitest";
import { arrayDataset, type Dataset } from "../../../../core/data/dataset.ts";
import { StepMetrics } from "../../../../core/host/metrics.ts";
import { train } from "../../../../core/pipeline/run.ts";
import { type TrainOptions } from "../../../../core/pipeline/run/options.ts";
import type { Row } from "../../../../core/contracts/step/row.ts";
import type { Run } from "../../../../core/contracts/plugin.ts";
import type { RunSettingsInput } from "../../../../core/contracts/settings.ts";
import { GroupAdvantagePlugin, LeaveOneOutAdvantagePlugin, WhitenedAdvantagePlugin } from "@papo/plugins";
import {
  BanditPlugin,
  banditSettings,
  letterRows,
  ScorerPlugin,
  TapPlugin,
  temporaryFolder,
} from "../../../support/bandit.ts";
import { tabularPolicy, type TabularPolicy } from "../../../support/tabular-policy.ts";

interface Setup {
  readonly plugins?: TrainOptions["plugins"];
  readonly settings?: RunSettingsInput;
  readonly dataset?: Dataset;
}

/** Runs a few steps; what was said on the way. */
async function said({
  plugins = [new ScorerPlugin(), new BanditPlugin()],
  settings = {},
  dataset = letterRows,
}: Setup) {
  const alarms: string[] = [];
  const skips: string[] = [];
  const policy = tabularPolicy();
  const summary = await train({
    policy,
    plugins,
    dataset,
    settings: { ...banditSettings, steps: 5, ...settings },
    output: temporaryFolder(),
    onEvents: (events) => {
      events.on("alarm", ({ plugin, message }) => alarms.push(`${plugin}: ${message}`));
      events.on("skip", ({ reason }) => skips.push(reason));
    },
  });
  return { alarms, skips, summary, learner: policy.learner };
}
const tap = (apply: (run: Run) => void) => [new ScorerPlugin(), new BanditPlugin(), new TapPlugin(apply)];

describe("a run says once", () => {
  it("nothing, when nothing is wrong", async () => {
    expect((await said({})).alarms).toEqual([]);
  });

  it("that advantages are 0 in several steps, and why", async () => {
    const same = [new ScorerPlugin({ score: () => 1 }), new BanditPlugin()];
    expect((await said({ plugins: same })).alarms).toEqual([
      expect.stringMatching(
        /^run: all advantages were 0 in 3 steps running, up to step 3, .* the responses to each prompt all get the same reward/,
      ),
    ]);
    const none = [
      new ScorerPlugin(),
      new TapPlugin(({ hooks }) =>
        hooks.terms.tap("TapPlugin", (terms, batch) => [
          ...terms,
          { name: "policy", value: neg(mul(batch.logProbs, batch.advantages)), reduction: "token_mean" },
        ]),
      ),
    ];
    expect((await said({ plugins: none })).alarms).toEqual([
      expect.stringContaining("no plugin gives advantages: list one in the recipe"),
    ]);
  });

  it.each([[GroupAdvantagePlugin], [LeaveOneOutAdvantagePlugin]])(
    "that a group of one has nothing to compare it with: %o",
    async (Advantage) => {
      const { alarms } = await said({
        plugins: [new ScorerPlugin(), new BanditPlugin(), new Advantage()],
        settings: { samplesPerPrompt: 1 },
      });
      expect(alarms.filter((alarm) => alarm.startsWith(Advantage.name))).toEqual([
        expect.stringContaining("set samplesPerPrompt to 2 or more"),
      ]);
    },
  );

  it("the same of a baseline that is the group's mean, and not of one that is none", async () => {
    const alone = async (baseline: "none" | "group") =>
      (
        await said({
          plugins: [new ScorerPlugin(), new BanditPlugin(), new WhitenedAdvantagePlugin({ baseline })],
          settings: { samplesPerPrompt: 1, steps: 2 },
        })
      ).alarms;
    expect(await alone("group")).toHaveLength(1);
    expect(await alone("none")).toEqual([]);
  });

  it("that views of pictures are made of prompts that have none", async () => {
    const views = tap(({ views }) => views.register({ name: "masked", patches: (picture) => picture }));
    expect((await said({ plugins: views })).alarms).toEqual([
      expect.stringMatching(/^run: no prompt of step 1 has a picture, so that the view "masked" is the original/),
    ]);
    const texts = tap(({ views }) => views.register({ name: "other", prompt: (parts) => parts }));
    expect((await said({ plugins: texts })).alarms).toEqual([]);
  });

  it("that no plugin gives a reward, or a term", async () => {
    expect((await said({ plugins: [new BanditPlugin()], settings: { steps: 1 } })).alarms).toEqual([
      "run: no plugin gives a reward, so that every response gets 0: list one in the recipe",
    ]);
    const shaped = [
      new BanditPlugin(),
      new TapPlugin(({ hooks }) =>
        hooks.rewards.tapPromise("TapPlugin", async (rewards) => rewards.map((_, index) => index)),
      ),
    ];
    expect((await said({ plugins: shaped, settings: { steps: 1 } })).alarms).toEqual([]);
    expect((await said({ plugins: [new ScorerPlugin()], settings: { steps: 1 } })).alarms).toEqual([
      "run: no plugin gives a term of the loss, so that nothing is learned: list an objective in the recipe",
    ]);
  });

  it("that minibatches or rounds do not divide a step", async () => {
    expect((await said({ settings: { promptsPerMinibatch: 3 } })).alarms).toEqual([
      "run: minibatches of 3 do not divide the 4 prompts of a step: its last update is made of 1 and weighs as much as the others",
    ]);
    expect((await said({ settings: { promptsPerMinibatch: 8 } })).alarms).toEqual([
      expect.stringContaining("promptsPerMinibatch is 8 and a step has 4 prompts"),
    ]);
    expect((await said({ settings: { promptsPerRound: 3 } })).alarms).toEqual([
      "run: step 1 sampled 2 groups more than promptsPerStep, and they are not trained on; let promptsPerRound divide it",
    ]);
  });

  it("that the policy became uniform after an update that broke it", async () => {
    let policy: TabularPolicy | null = null;
    // Weights start uniform, learn, and are wiped out, as what an overflow leaves behind is.
    const wipes = new TapPlugin(({ hooks }) => {
      hooks.stepped.tapPromise("TapPlugin", async ({ step }) => {
        if (step >= 4) for (const { data } of policy!.weights.values()) data.fill(0);
        return undefined;
      });
    });
    const alarms: string[] = [];
    const opened = tabularPolicy();
    policy = opened.learner;
    await train({
      policy: opened,
      plugins: [new ScorerPlugin(), new BanditPlugin(), wipes],
      dataset: letterRows,
      settings: { ...banditSettings, steps: 6 },
      output: temporaryFolder(),
      onEvents: (events) => events.on("alarm", ({ message }) => alarms.push(message)),
    });
    expect(alarms).toEqual([
      expect.stringMatching(
        /^every token of step 5 was sampled with the same log-prob, -2\.079: the policy is uniform/,
      ),
    ]);
  });

  it("what a plugin warns of, by its own name", async () => {
    const warns = tap(({ hooks, warn }) =>
      hooks.prompts.tapPromise("TapPlugin", async (rows, { step }) => (warn(`odd in step ${step}`, "odd"), rows)),
    );
    expect((await said({ plugins: warns })).alarms).toEqual(["TapPlugin: odd in step 1"]);
  });
});

describe("a run ends with the plugin's name at", () => {
  it.each([
    [{ bogus: 1 }, '{ bogus: 1 } with the field "bogus", which means nothing: did you mean'],
    [true, "true"],
    [{ stop: "" }, "the reason is a sentence"],
    [{ stop: "a", rollBack: "b" }, "does not say one of stop and rollBack"],
    [null, "null"],
    [{ rollBack: "x", before: NaN }, "before is a step"],
  ])("a decision that is none: %j", async (decision, found) => {
    const decides = tap(({ hooks }) => hooks.stepped.tapPromise("TapPlugin", async () => decision as never));
    const error = (await said({ plugins: decides }).catch((thrown: unknown) => thrown)) as Error;
    expect(error.message).toContain('What follows step 1 failed: TapPlugin failed in hook "stepped": it returned ');
    expect(error.message).toContain(found);
    expect(error.message).toContain(
      "return nothing to go on, { stop: reason }, or { rollBack: reason, before?: step }",
    );
    expect(error.message).toContain("is safe in");
  });

  it("groups beyond a step, which carried ones would push out", async () => {
    const replays = tap(({ hooks }) => {
      let kept: readonly object[] = [];
      hooks.groups.tapPromise("TapPlugin", async (selection) => {
        const groups = [...(kept as typeof selection.groups), ...selection.groups];
        kept = selection.groups.map((group) => ({ ...group, key: `${group.key} (kept)`, carried: true }));
        return { ...selection, groups };
      });
    });
    await expect(said({ plugins: replays })).rejects.toThrow(
      'Step 2 failed: TapPlugin failed in hook "groups": it returned 8 groups, 4 of them carried over, and the step trains on 4: carried ones come first and would push this step\'s out; choose which 4',
    );
  });

  it("two rows of one id", async () => {
    const renames = tap(({ hooks }) =>
      hooks.prompts.tapPromise("TapPlugin", async (rows) => rows.map((row) => ({ ...row, id: "same" }))),
    );
    await expect(said({ plugins: renames })).rejects.toThrow(
      'TapPlugin failed in hook "prompts": it returned two different rows with the id "same"; samples, masks and rewards go by it: give each row an id of its own',
    );
  });

  it("a metric of the pipeline's", async () => {
    const claims = tap(({ hooks, metric }) =>
      hooks.advantages.tap("TapPlugin", (advantages) => (metric("reward/mean", 1), advantages)),
    );
    await expect(said({ plugins: claims })).rejects.toThrow(
      'TapPlugin reports the metric "reward/mean", and "reward/mean" is the pipeline\'s own; choose another name',
    );
  });

  it("a hook that never answers", async () => {
    const hangs = tap(({ hooks }) => hooks.stepped.tapPromise("TapPlugin", () => new Promise(() => undefined)));
    await expect(said({ plugins: hangs, settings: { hookSeconds: 0.05 } })).rejects.toThrow(
      'What follows step 1 failed: TapPlugin failed in hook "stepped": it gave no answer within 0.05 s (the setting hookSeconds)',
    );
  });
});

test("all of the pipeline's metrics are refused to plugins", async () => {
  const { summary } = await said({ settings: { steps: 1 } });
  for (const name of Object.keys(summary.metrics).filter((name) => !name.startsWith("bandit/"))) {
    expect(() => new StepMetrics(() => undefined).add("A", name, 1), name).toThrow(`A reports the metric "${name}"`);
  }
});

test("rows of a dataset that share an id stop the run, or are left out and counted", async () => {
  const rows = ["a", "b", "c"].map((prompt): Row => ({
    id: prompt === "c" ? "a" : prompt,
    prompt,
    system: null,
    images: [],
    answer: "",
    fields: {},
  }));
  const dataset: Dataset = {
    ...arrayDataset(["a", "b", "c"].map((prompt) => ({ prompt }))),
    row: (index) => rows[index]!,
  };
  await expect(said({ dataset })).rejects.toThrow(
    /Row "a" cannot be used: another row has the same id, and samples, masks and rewards go by it; .*onBadRow: "skip"/,
  );
  const { skips } = await said({ dataset, settings: { onBadRow: "skip" } });
  expect(skips.length).toBeGreaterThan(0);
  expect(new Set(skips)).toHaveProperty("size", 1);
});

import { createHost, train, type Row } from "@papo/core";
import { makeGroup, makeSample } from "@papo/core/testing";
import { ObserverSolverPlugin } from "@papo/plugins";
import { describe, expect, it } from "vitest";
import { BanditPlugin, letterRows, ScorerPlugin, temporaryFolder } from "../../support/bandit.ts";
import { tabularPolicy } from "../../support/tabular-policy.ts";

const row: Row = {
  id: "1",
  prompt: "<image>How many {shapes}?",
  system: null,
  images: ["a.png"],
  answer: "2",
  fields: { kind: "count" },
};

describe("ObserverSolverPlugin", () => {
  it("gives the Observer the question in its turn, and the Solver the caption with it", async () => {
    const host = createHost(
      [new ObserverSolverPlugin({ observer: "Describe. {question}", solver: "{caption} | {question}" })],
      { seed: 1 },
    );
    const [observed] = await host.hooks.prompts.promise([row], { step: 1, steps: 1, round: 0 });
    expect(observed).toMatchObject({
      id: "1",
      prompt: "Describe. <image>How many {shapes}?",
      fields: { kind: "count" },
    });
    const made = makeSample({ text: " two {cats} " });
    const sample = { ...made, prompt: { ...made.prompt, row: observed! } };
    const solver = host.auxiliary.get("solver")!;
    expect(solver.prompt(sample)).toEqual({
      prompt: "two {cats} | <image>How many {shapes}?",
      system: null,
      pictures: sample.prompt.pictures,
    });
    expect(solver.prompt(sample)!.pictures).toBe(sample.prompt.pictures);
    const blind = new ObserverSolverPlugin({
      solver: "{caption} | {question}",
      picture: false,
      open: "<think>",
      close: ";",
    });
    expect(
      blind.solverPrompt({ ...sample, response: { ...sample.response, rawText: "<think> two cats ; 2" } }),
    ).toEqual({ prompt: "two cats | How many {shapes}?", system: null, pictures: [] });
    expect(blind.solverPrompt(sample)).toBeNull();
  });

  it("pays a caption what the Solver makes of it, and the Solver what the scorers say", async () => {
    const host = createHost([new ObserverSolverPlugin()], { seed: 1 });
    const answer = (accuracy: number, dropped?: true) => ({
      ...makeSample({ parts: { accuracy } }),
      ...(dropped === undefined ? {} : { dropped }),
    });
    const group = makeGroup({
      samples: [0, 1, 2].map((index) => makeSample({ index, reward: 7 })),
      auxiliary: { solver: [[answer(1), answer(0)], [answer(1), answer(0, true)], []] },
    });
    expect(await host.hooks.rewards.promise([7, 7, 7], group)).toEqual([0.5, 1, 0]);
    expect(host.takeMetrics()).toEqual({ "prco/utility": 0.5, "prco/captions": 2 / 3, "prco/solver_spread": 0.5 });
    expect(
      await host.hooks.rewards.promise([3], { ...makeGroup({ samples: [makeSample()] }), role: "solver" }),
    ).toEqual([3]);
  });

  it("teaches both: the Observer words that the Solver understands, the Solver what they mean", async () => {
    const says = new ScorerPlugin({
      name: "accuracy",
      score: ({ prompt, response }) => (response.text[0] === prompt.row.id ? 1 : 0),
    });
    const utility: number[] = [];
    await train({
      policy: tabularPolicy(),
      dataset: letterRows,
      output: temporaryFolder(),
      plugins: [
        says,
        new ObserverSolverPlugin({ observer: "{question}", solver: "{caption}", picture: false, samples: 4 }),
        new BanditPlugin(),
      ],
      settings: {
        steps: 14,
        promptsPerStep: 6,
        samplesPerPrompt: 4,
        learningRate: 0.4,
        warmupSteps: 0,
        checkpointEvery: 0,
        parityPrompts: 0,
        sampling: { maxNewTokens: 2 },
      },
      onEvents: (events) => events.on("step", ({ metrics }) => utility.push(metrics["prco/utility"]!)),
    });
    const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(mean(utility.slice(0, 3))).toBeLessThan(0.2);
    expect(mean(utility.slice(-3))).toBeGreaterThan(0.6);
  });
});

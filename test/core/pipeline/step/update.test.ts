import { mul, zerosLike } from "@tensorflow/tfjs-core";
import type { Tensor2D } from "@tensorflow/tfjs-core";
import { join } from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, test } from "vitest";
import { arrayDataset } from "../../../../core/data/dataset.ts";
import type { Experience } from "../../../../core/contracts/events.ts";
import { learnerBatch } from "../../../../core/scores/experience.ts";
import type { Products } from "../../../../core/graph/executor.ts";
import type { LearnerBatch, Output } from "../../../../core/learner/learner.ts";
import type { Run } from "../../../../core/contracts/plugin.ts";
import { train } from "../../../../core/pipeline/run.ts";
import type { RunSettingsInput } from "../../../../core/contracts/settings.ts";
import {
  BanditPlugin,
  banditSettings,
  letterRows,
  ScorerPlugin,
  TapPlugin,
  temporaryFolder,
} from "../../../support/bandit.ts";
import { tabularPolicy } from "../../../support/tabular-policy.ts";

let seeing: typeof letterRows;
beforeAll(async () => {
  const picture = join(temporaryFolder(), "white.png");
  await sharp({ create: { width: 2, height: 2, channels: 3, background: "white" } })
    .png()
    .toFile(picture);
  seeing = arrayDataset(["a", "b", "c", "d"].map((prompt) => ({ prompt, images: [picture] })));
});

async function runWith(apply: (run: Run) => void, settings: RunSettingsInput = {}, dataset = letterRows) {
  const policy = tabularPolicy();
  const experiences: Experience[] = [];
  await train({
    policy,
    dataset,
    plugins: [new ScorerPlugin(), new BanditPlugin(), new TapPlugin(apply)],
    output: temporaryFolder(),
    settings: { ...banditSettings, steps: 1, checkpointEvery: 0, parityPrompts: 0, ...settings },
    onEvents: (events) => events.on("experience", (experience) => experiences.push(experience)),
  });
  return { policy, experiences };
}

/** A view without its pictures' light. */
const dark = {
  name: "masked",
  patches: (picture: { readonly pixels: Float32Array }) => ({ ...picture, pixels: new Float32Array(1) }) as never,
};

test("each epoch deals every group once, in an order of its own; minibatches are as long as their longest response", async () => {
  const seen: { readonly keys: string[]; readonly T: number; readonly longest: number }[] = [];
  await runWith(
    ({ hooks }) =>
      hooks.terms.tap("TapPlugin", (terms, batch) => {
        seen.push({
          keys: batch.groups.map(({ key }) => key),
          T: batch.T,
          longest: Math.max(...batch.samples.map(({ response }) => response.tokens.length)),
        });
        expect([...batch.groupOf].map((group) => batch.groups[group]!.key)).toEqual(
          batch.samples.map(({ prompt }) => prompt.key),
        );
        expect(batch.B).toBe(batch.samples.length);
        return terms;
      }),
    { promptsPerStep: 6, promptsPerMinibatch: 2, epochs: 3, samplesPerPrompt: 2 },
  );
  expect(seen).toHaveLength(9);
  const epochs = [0, 3, 6].map((start) => seen.slice(start, start + 3).flatMap(({ keys }) => keys));
  for (const keys of epochs) expect([...keys].sort()).toEqual(["a", "b", "c", "d", "e", "f"]);
  expect(new Set(epochs.map(String)).size).toBeGreaterThan(1);
  for (const { T, longest } of seen) expect(T).toBe(longest);
});

test("every minibatch is scored with the weights it will change; the old and the reference scores stay", async () => {
  const policy = tabularPolicy();
  const seen: {
    readonly current: number[];
    readonly expected: number[];
    readonly old: number[];
    readonly reference: number[];
  }[] = [];
  const pending: Promise<void>[] = [];
  const apply = ({ hooks, scores }: Run): void => {
    const reference = scores.request({ weights: "reference" });
    hooks.terms.tap("TapPlugin", (terms, batch) => {
      const [current, old, start] = [batch.logProbs, batch.oldLogProbs, batch.get(reference)].map((tensor) => [
        ...tensor.dataSync(),
      ]);
      // `score` computes before its first await: with the weights of this moment.
      pending.push(
        policy.learner.score(learnerBatch(batch.samples, ["original"], 1), ["logProbs"]).then(({ logProbs }) => {
          seen.push({ current: current!, expected: [...logProbs!], old: old!, reference: start! });
        }),
      );
      return terms;
    });
  };
  const plugins = [new ScorerPlugin(), new BanditPlugin(), new TapPlugin(apply)];
  const settings = { ...banditSettings, steps: 2, promptsPerMinibatch: 2, parityPrompts: 0 };
  await train({ policy, dataset: letterRows, plugins, output: temporaryFolder(), settings });
  await Promise.all(pending);
  expect(seen).toHaveLength(4);
  for (const { current, expected } of seen) expect(current).toEqual(expected);
  expect(seen[0]!.current).toEqual(seen[0]!.old);
  expect(seen[1]!.current).not.toEqual(seen[1]!.old);
  expect(seen[0]!.reference).toEqual(seen[0]!.old);
  expect(seen[2]!.reference).not.toEqual(seen[2]!.old);
});

test("while its coefficient is 0 a score costs no pass and is all zeros", async () => {
  const passes = async (value: number) => {
    let sum = 0;
    const { policy } = await runWith((run) => {
      const entropy = run.scores.request({
        weights: "reference",
        output: "entropy",
        while: run.coefficient("weight", value),
      });
      run.hooks.terms.tap("TapPlugin", (terms, batch) => {
        sum = batch.get(entropy).sum().dataSync()[0]!;
        return terms;
      });
    });
    return { sum, score: policy.learner.calls.score };
  };
  expect(await passes(0)).toEqual({ sum: 0, score: 1 });
  const on = await passes(1);
  expect(on.score).toBe(2);
  expect(on.sum).toBeGreaterThan(1);
});

test("outputs of one view under the same weights share a pass", async () => {
  const { policy } = await runWith(({ scores }) => {
    scores.request({ weights: "old", output: "entropy" });
    scores.request({ weights: "current", output: "entropy" });
  });
  expect(policy.learner.calls.score).toBe(1);
});

test("a gradient flows through a view's current scores, and only then is there a pass back", async () => {
  const term =
    (use: (masked: Tensor2D) => Tensor2D) =>
    (run: Run): void => {
      run.views.register(dark);
      const masked = run.scores.request({ view: "masked", weights: "current", gradient: true });
      run.hooks.terms.tap("TapPlugin", (terms, batch) => [
        ...terms.map((other) => ({ ...other, value: zerosLike(other.value) })),
        { name: "masked", value: use(batch.get(masked)), reduction: "token_mean" },
      ]);
    };
  const used = await runWith(
    term((masked) => masked),
    {},
    seeing,
  );
  expect(used.policy.learner.calls.backward).toBe(2);
  const weights = used.policy.learner.weights;
  expect(weights.get("prompt")!.data.some((value) => value !== 0)).toBe(true);
  // The view is dark: through it the picture's weight has no gradient.
  expect(weights.get("picture")!.data.every((value) => value === 0)).toBe(true);
  const unused = await runWith(
    term((masked) => mul(masked, zerosLike(masked))),
    {},
    seeing,
  );
  expect(unused.policy.learner.calls.backward).toBe(1);
});

test("the experience holds advantages and scores of the whole batch, those of the minibatches put together", async () => {
  const { experiences } = await runWith(
    ({ views, scores }) => {
      views.register(dark);
      scores.request({ view: "masked", weights: "old" });
      scores.request({ weights: "current", output: "entropy" });
    },
    { promptsPerMinibatch: 1 },
    seeing,
  );
  const { arrays, samples, T } = experiences[0]!;
  expect(Object.keys(arrays).sort()).toEqual([
    "advantages",
    "masked/old/logProbs",
    "original/current/entropy",
    "original/current/logProbs",
    "original/old/logProbs",
  ]);
  for (const array of Object.values(arrays)) expect(array).toHaveLength(samples.length * T);
  samples.forEach(({ response }, row) => {
    const { length } = response.tokens;
    const current = arrays["original/current/logProbs"]!.subarray(row * T, (row + 1) * T);
    expect([...current.subarray(0, length)].every((value) => value < 0)).toBe(true);
    expect([...current.subarray(length)].every((value) => value === 0)).toBe(true);
  });
});

describe("where log π_old comes from", () => {
  /** Passes besides the check before the first step, and the parity that the run reports. */
  async function passes(settings: RunSettingsInput, apply: (run: Run) => void = () => undefined) {
    const policy = tabularPolicy({ samplerError: 1e-5 });
    const seen: { old: number[]; sampled: number[]; current: number[] }[] = [];
    const look = (run: Run): void => {
      apply(run);
      run.hooks.terms.tap("TapPlugin", (terms, { oldLogProbs, logProbs, samples }) => {
        seen.push({
          old: [...oldLogProbs.dataSync()],
          current: [...logProbs.dataSync()],
          sampled: samples.flatMap(({ response }) => [...response.logProbs]),
        });
        return terms;
      });
    };
    const { metrics } = await train({
      policy,
      dataset: letterRows,
      plugins: [new ScorerPlugin(), new BanditPlugin(), new TapPlugin(look)],
      output: temporaryFolder(),
      settings: { ...banditSettings, steps: 1, checkpointEvery: 0, parityPrompts: 1, ...settings },
    });
    return { score: policy.learner.calls.score - 1, parity: metrics["rollout/parity_max"]!, seen };
  }

  test("the sampler, whose log-probs the pass back is compared with", async () => {
    const { score, parity, seen } = await passes({});
    expect(score).toBe(0);
    expect(parity).toBeCloseTo(1e-5, 6);
    expect(seen[0]!.old).toEqual(seen[0]!.current);
    // Rows are padded to the longest response.
    expect(seen[0]!.old.filter((value) => value !== 0)).toEqual(seen[0]!.sampled);
  });

  test("later minibatches are scored with the weights they find", async () => {
    const { score, seen } = await passes({ promptsPerMinibatch: 2 });
    expect(score).toBe(seen.length - 1);
    expect(seen[1]!.current).not.toEqual(seen[1]!.old);
  });

  test("the learner where the setting says so, where sampler and learner were not compared, or where a plugin's request makes the same pass", async () => {
    const asked = await passes({ oldLogProbs: "learner" });
    expect(asked.score).toBe(1);
    expect(asked.parity).toBeCloseTo(1e-5, 6);
    expect(asked.seen[0]!.old.filter((value) => value !== 0)).not.toEqual(asked.seen[0]!.sampled);
    expect((await passes({ parityPrompts: 0 })).score + 1).toBe(1);
    expect((await passes({}, ({ scores }) => void scores.request({ weights: "old", output: "entropy" }))).score).toBe(
      1,
    );
  });

  test("the learner where responses were sampled from another view", async () => {
    const { score } = await passes({}, ({ hooks, views }) => {
      views.register({ name: "other", patches: (picture) => picture });
      hooks.rollout.tap("TapPlugin", (plan) => ({
        ...plan,
        shares: [{ view: "other", count: plan.shares[0]!.count }],
      }));
    });
    expect(score).toBe(1);
  });
});

test("rough products are for views that no gradient goes through, never for the original", async () => {
  const asked = async (gradient: boolean): Promise<string[]> => {
    const policy = tabularPolicy();
    const score = policy.learner.score.bind(policy.learner);
    const found: string[] = [];
    policy.learner.score = (
      batch: LearnerBatch,
      outputs: readonly Output[],
      weights?: string,
      products: Products = "float32",
    ) => {
      for (const { pictures } of batch.prompts)
        found.push(`${pictures[0]?.pixels[0] === 0 ? "masked" : "original"} ${weights ?? "current"} ${products}`);
      return score(batch, outputs, weights);
    };
    const apply = ({ views, scores }: Run): void => {
      views.register(dark);
      scores.request({ view: "masked", weights: "old" });
      scores.request({ weights: "reference" });
      if (gradient) scores.request({ view: "masked", weights: "current", gradient });
    };
    await train({
      policy,
      dataset: seeing,
      plugins: [new ScorerPlugin(), new BanditPlugin(), new TapPlugin(apply)],
      output: temporaryFolder(),
      settings: { ...banditSettings, steps: 1, checkpointEvery: 0, parityPrompts: 0, viewPrecision: "int8" },
    });
    return [...new Set(found)].sort();
  };
  expect(await asked(false)).toEqual(["masked current int8", "original current float32", "original reference float32"]);
  expect(await asked(true)).toEqual([
    "masked current float32",
    "original current float32",
    "original reference float32",
  ]);
});

import { fileURLToPath } from "node:url";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { arrayDataset, learnerSettings, openPolicyInProcess, parseSettings, train, type Row } from "@papo/core";
import { FunctionRewardPlugin } from "@papo/plugins";
import { grpo, papo } from "@papo/recipes";
import type { Learner, LearnerBatch, Outputs } from "../../../../core/learner/learner.ts";
import { microbatches } from "../../../../core/learner/passes/microbatches.ts";
import { temporaryFolder } from "../../../support/bandit.ts";

const folder = fileURLToPath(new URL("../../../golden/cases/models/tiny", import.meta.url));

/** One batch of five picture sizes, a row with two pictures and a row with none. */
async function mixedRows(): Promise<Pick<Row, "prompt" | "images">[]> {
  const sizes = [
    [28, 28],
    [56, 28],
    [30, 70],
    [84, 56],
    [112, 84],
  ] as const;
  const pictures = temporaryFolder();
  const paths = sizes.map(([width, height]) => join(pictures, `${width}x${height}.png`));
  for (const [index, [width, height]] of sizes.entries()) {
    const noise = Buffer.from(
      Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * (37 + index) * 2654435761) >>> 24),
    );
    await sharp(noise, { raw: { width, height, channels: 3 } })
      .png()
      .toFile(paths[index] ?? "");
  }
  return [
    ...paths.map((path) => ({ prompt: "How many?", images: [path] })),
    { prompt: "Compare <image> and <image>", images: paths.slice(1, 3) },
    { prompt: "No picture", images: [] },
  ];
}

interface Call {
  readonly rows: number;
  readonly cotangents: Outputs;
}

/** The cotangents that the loss sends back in one step, for a size of microbatch. */
async function cotangentsOf(
  rows: readonly Pick<Row, "prompt" | "images">[],
  microbatchTokens: number,
): Promise<{ calls: Call[]; weights: Float32Array }> {
  const settings = parseSettings({
    steps: 1,
    promptsPerStep: 7,
    samplesPerPrompt: 3,
    learningRate: 1e-3,
    checkpointEvery: 0,
    sampling: { maxNewTokens: 9 },
  });
  const policy = await openPolicyInProcess({ folder, ...learnerSettings(settings), microbatchTokens });
  const calls: Call[] = [];
  const learner: Learner = {
    capabilities: policy.learner.capabilities,
    get version() {
      return policy.learner.version;
    },
    score: (...args) => policy.learner.score(...args),
    backward: (batch, cotangents) => {
      calls.push({ rows: batch.rows.length, cotangents: structuredClone(cotangents) });
      return policy.learner.backward(batch, cotangents);
    },
    step: (options) => policy.learner.step(options),
    keep: (name, decay) => policy.learner.keep(name, decay),
    save: (path) => policy.learner.save(path),
    load: (path) => policy.learner.load(path),
  };
  const odd = new FunctionRewardPlugin({
    name: "odd",
    score: ({ response }) => response.tokens.filter((token) => token % 2 === 1).length,
  });
  try {
    await train({
      policy: { ...policy, learner },
      plugins: [odd, ...papo(grpo({ referenceKl: 0.01 }), { mode: "paper" })],
      dataset: arrayDataset(rows),
      settings,
      output: temporaryFolder(),
    });
    const { logProbs } = await policy.learner.score(probe, ["logProbs"]);
    return { calls, weights: logProbs ?? new Float32Array() };
  } finally {
    await policy.close();
  }
}

/** Something to compare the updated weights by. */
const probe: LearnerBatch = {
  prompts: [{ ids: Int32Array.of(5, 6, 7), pictures: [] }],
  rows: [{ prompt: 0, tokens: Int32Array.of(8, 9, 10, 11) }],
  temperature: 1,
};

describe("micro-batches", () => {
  test("cannot change the loss: cotangents of both views are equal to the bit, updated weights to float error", async () => {
    const rows = await mixedRows();
    const [whole, pieces, single] = [
      await cotangentsOf(rows, 16_384),
      await cotangentsOf(rows, 200),
      await cotangentsOf(rows, 1),
    ];
    expect(whole.calls.map(({ rows: count }) => count)).toEqual([21, 21]); // the original view and the masked one
    expect(whole.calls.every(({ cotangents }) => cotangents.logProbs?.some((value) => value !== 0))).toBe(true);
    expect(pieces.calls).toEqual(whole.calls);
    expect(single.calls).toEqual(whole.calls);
    for (const other of [pieces, single])
      other.weights.forEach((value, i) => expect(Math.abs(value - (whole.weights[i] ?? NaN))).toBeLessThan(2e-4));
  });

  test("hold every response once, and no more padded tokens than allowed where that is possible", () => {
    const prompts = [30, 10, 50].map((length) => ({ ids: new Int32Array(length), pictures: [] }));
    const rows = [7, 3, 9, 0, 4, 6, 2, 8].map((length, index) => ({
      prompt: index % 3,
      tokens: new Int32Array(length),
    }));
    for (const tokens of [1, 60, 120, 10_000]) {
      const cuts = microbatches({ prompts, rows, temperature: 1 }, tokens);
      const seen = cuts.flatMap(({ groups }) => groups.flatMap((group) => group.rows)).sort((a, b) => a - b);
      expect(seen).toEqual([0, 1, 2, 4, 5, 6, 7]); // row 3 is empty
      expect(cuts).toHaveLength({ 1: 7, 60: cuts.length, 120: cuts.length, 10000: 1 }[tokens] ?? NaN);
      for (const { groups } of cuts) {
        const P = Math.max(...groups.map(({ prompt }) => prompts[prompt]?.ids.length ?? 0));
        const N = Math.max(...groups.map((group) => group.rows.length));
        const R = Math.max(...groups.flatMap((group) => group.rows.map((row) => rows[row]?.tokens.length ?? 0)));
        if (groups.length > 1 || N > 1) expect(groups.length * (P + N * R)).toBeLessThanOrEqual(tokens);
      }
    }
  });
});

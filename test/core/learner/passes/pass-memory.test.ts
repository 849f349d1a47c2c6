import { expect, test } from "vitest";
import { examplePrompt, publishedConfig } from "@papo/core";
import { paddedTokens } from "../../../../core/learner/passes/microbatches.ts";
import { boundedBackward, boundedPasses, passLimit } from "../../../../core/learner/passes/pass-memory.ts";
import type { LearnerBatch } from "../../../../core/learner/learner.ts";

const prompt = examplePrompt(publishedConfig("SmolVLM2-256M")!, { textTokens: 100, visualTokens: 0 });

const batchOf = (lengths: readonly number[]): LearnerBatch => ({
  prompts: [prompt],
  rows: lengths.map((length) => ({ prompt: 0, tokens: new Int32Array(length) })),
  temperature: 1,
});
const eight = batchOf(new Array<number>(8).fill(2000));
const tokens =
  (batch: LearnerBatch) =>
  ({ groups }: { readonly groups: Parameters<typeof paddedTokens>[1] }): number =>
    paddedTokens(batch, groups);

test("passes over long rows are cut until each holds no more than the limit; every response is in one", () => {
  const { cut, bytes } = boundedPasses(eight, 16_384, 6000 * 100, (pass) => 100 * tokens(eight)(pass));
  expect(cut.map(({ groups }) => groups[0]!.rows)).toEqual([
    [0, 1],
    [2, 3],
    [4, 5],
    [6, 7],
  ]);
  expect(bytes).toBe(100 * 4100);
});

test("what fits is left in one pass, and a pass is not cut below what keeps the cores busy", () => {
  expect(boundedPasses(eight, 20_000, 1e9, tokens(eight)).cut).toHaveLength(1);
  const short = batchOf(new Array<number>(24).fill(100));
  expect(tokens(short)(boundedPasses(short, 16_384, 1, tokens(short)).largest)).toBe(2500);
});

test("nothing is cut where that saves little: what holds the memory is the same in every pass", () => {
  expect(boundedPasses(eight, 20_000, 1e6, (pass) => 5e6 + tokens(eight)(pass)).cut).toHaveLength(1);
});

test("where one response alone is too much its layers are computed again, and then more of them fit in a pass", () => {
  const bytesOf = (pass: Parameters<ReturnType<typeof tokens>>[0], recompute: boolean): number =>
    (recompute ? 10 : 1000) * tokens(eight)(pass);
  const { recompute, cut } = boundedBackward(eight, { tokens: 16_384, limit: 90_000, recompute: false }, bytesOf);
  expect([recompute, cut.length]).toEqual([true, 2]);
  expect(boundedBackward(eight, { tokens: 16_384, limit: 3e6, recompute: false }, bytesOf)).toMatchObject({
    recompute: false,
    bytes: 2_100_000,
  });
});

test("the limit is what training holds anyway, or the weights, and never under 512 MiB", () => {
  const parameters = new Map([
    ["a", [1000, 100_000]],
    ["b", [1000, 100_000]],
  ]);
  expect(passLimit(parameters, new Set(["a", "b"]))).toBe(16 * 2e8);
  expect(passLimit(parameters, new Set())).toBe(4 * 2e8);
  expect(passLimit(new Map([["a", [10]]]), new Set(["a"]))).toBe(2 ** 29);
});

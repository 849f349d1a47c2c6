import { describe, expect, it } from "vitest";
import { createRandom } from "../../../core/math/random.ts";
import {
  createTruncationScratch,
  keepTopK,
  keepTopP,
  type TruncationScratch,
} from "../../../core/rollout/truncation.ts";

const scratchOf = (values: readonly number[]): TruncationScratch => {
  const scratch = createTruncationScratch(values.length);
  scratch.row.set(values);
  return scratch;
};

const topK = (values: readonly number[], k: number): number[] => {
  const scratch = scratchOf(values);
  keepTopK(scratch, k);
  return [...scratch.row];
};

const topP = (values: readonly number[], p: number): number[] => {
  const scratch = scratchOf(values);
  keepTopP(scratch, p);
  return [...scratch.row];
};

/** Powers of two and sums of few: exact in float32, so that rows compare with the plain numbers they were made of. */
const row = [0.125, 0.5, 0, 0.125, 0.25];

describe("keepTopK", () => {
  it("keeps the k largest and all that equal the k-th", () => {
    expect(topK(row, 1)).toEqual([0, 0.5, 0, 0, 0]);
    expect(topK(row, 2)).toEqual([0, 0.5, 0, 0, 0.25]);
    expect(topK(row, 3)).toEqual(row);
  });

  it("tells values of one bucket apart", () => {
    expect(topK([0.25, 0.2500001, 0.2499999], 1)).toEqual([0, Math.fround(0.2500001), 0]);
    expect(topK([0.5, 0.53125, 0.515625], 2)).toEqual([0, 0.53125, 0.515625]);
  });

  it("keeps all with 0, with as many as there are, and with more", () => {
    for (const k of [0, 5, 9]) expect(topK(row, k)).toEqual(row);
  });
});

describe("keepTopP", () => {
  it("keeps the smallest set of most likely tokens that reaches p, the lower index among equals", () => {
    expect(topP(row, 0.5)).toEqual([0, 0.5, 0, 0, 0]);
    expect(topP(row, 0.51)).toEqual([0, 0.5, 0, 0, 0.25]);
    expect(topP(row, 0.76)).toEqual([0.125, 0.5, 0, 0, 0.25]);
    expect(topP(row, 0.9)).toEqual(row);
  });

  it("keeps one token however small p is, and all with 1", () => {
    expect(topP(row, 1e-9)).toEqual([0, 0.5, 0, 0, 0]);
    expect(topP(row, 1)).toEqual(row);
  });

  it("takes p of the row's own mass, and leaves a row without any alone", () => {
    expect(
      topP(
        row.map((value) => 4 * value),
        0.51,
      ),
    ).toEqual([0, 2, 0, 0, 1]);
    expect(topP([0, 0, 0], 0.5)).toEqual([0, 0, 0]);
  });
});

it("cuts many rows in one scratch as sorting them does", () => {
  const scratch = createTruncationScratch(60);
  for (let trial = 0; trial < 40; trial++) {
    const random = createRandom(4).key(trial);
    const values = Float32Array.from({ length: 60 }, (_, index) => random.uniform(index) ** 6);
    const k = 1 + (trial % 59);
    scratch.row.set(values);
    keepTopK(scratch, k);
    const smallest = [...values].sort((a, b) => b - a)[k - 1]!;
    expect([...scratch.row]).toEqual([...values].map((value) => (value >= smallest ? value : 0)));
  }
});

it("refuses a vocabulary that keys cannot number", () => {
  for (const size of [0, 1.5, 2 ** 22 + 1])
    expect(() => createTruncationScratch(size)).toThrow(`A vocabulary of ${size} tokens cannot be sampled from`);
});

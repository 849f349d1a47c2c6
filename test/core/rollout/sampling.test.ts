import { describe, expect, it } from "vitest";
import { createRandom } from "../../../core/math/random.ts";
import {
  createRowSampler,
  softmaxInto,
  uniformAt,
  type Draw,
  type DrawSettings,
} from "../../../core/rollout/sampling.ts";

const plain: DrawSettings = { temperature: 1, topP: 1, topK: 0, bannedTokens: [] };

/** A skewed distribution of `size` tokens in shuffled order; float32, so it sums to 1 only nearly. */
const skewed = (size: number, seed: number): Float32Array => {
  const random = createRandom(seed);
  const logits = Float32Array.from(
    { length: size },
    (_, index) => 5 * random.uniform(index) ** 3 - 8 * random.uniform(size + index),
  );
  const row = new Float32Array(size);
  softmaxInto(logits, 1, row);
  return row;
};

/** The truncated, renormalised distribution by sorting, in float64: slow and plain. */
const reference = (row: Float32Array, { topP, topK, bannedTokens }: DrawSettings): number[] => {
  let kept = [...row.keys()].filter((token) => !bannedTokens.includes(token) && row[token]! > 0);
  kept.sort((a, b) => row[b]! - row[a]! || a - b);
  if (topK > 0 && topK < kept.length) {
    const kth = row[kept[topK - 1]!]!;
    kept = kept.filter((token) => row[token]! >= kth);
  }
  const massOf = (tokens: number[]) => tokens.reduce((sum, token) => sum + row[token]!, 0);
  const target = topP * massOf(kept);
  let count = 1;
  while (count < kept.length && massOf(kept.slice(0, count)) < target) count++;
  if (topP < 1) kept = kept.slice(0, count);
  const mass = massOf(kept);
  const distribution = new Array<number>(row.length).fill(0);
  for (const token of kept) distribution[token] = row[token]! / mass;
  return distribution;
};

/**
 * Upper bound of a chi-square statistic: five standard deviations above its mean (normal approximation of Wilson and
 * Hilferty).
 */
const chiSquareBound = (freedom: number): number =>
  freedom * (1 - 2 / (9 * freedom) + 5 * Math.sqrt(2 / (9 * freedom))) ** 3;

/** Draws and compares with the reference: log-probs of every draw, the set of tokens, the frequencies. */
const checkDistribution = (row: Float32Array, settings: DrawSettings, draws = 20_000): void => {
  const expected = reference(row, settings);
  const total = row.reduce((sum, value) => sum + value, 0);
  const sample = createRowSampler(row.length, settings);
  const random = createRandom(12).key("draws");
  const counts = new Array<number>(row.length).fill(0);
  let error = 0;
  for (let position = 0; position < draws; position++) {
    const { token, logProb, behaviourLogProb } = sample(row, uniformAt(random, position));
    counts[token]! += 1;
    error = Math.max(
      error,
      Math.abs(logProb - Math.log(row[token]! / total)),
      Math.abs(behaviourLogProb - Math.log(expected[token]!)),
    );
  }
  expect(error).toBeLessThan(1e-12);
  let statistic = 0;
  let cells = 0;
  const rest = { count: 0, expected: 0 };
  for (const [token, count] of counts.entries()) {
    const mean = expected[token]! * draws;
    if (mean >= 5) {
      statistic += (count - mean) ** 2 / mean;
      cells++;
    } else {
      rest.count += count;
      rest.expected += mean;
    }
  }
  if (rest.expected >= 5) {
    statistic += (rest.count - rest.expected) ** 2 / rest.expected;
    cells++;
  }
  expect(cells).toBeGreaterThan(1);
  expect(statistic).toBeLessThan(chiSquareBound(cells - 1));
};

describe("createRowSampler: distributions against a sorting reference", () => {
  const row = skewed(300, 3);
  it("draws from the whole row", () => checkDistribution(row, plain));
  it("draws with top-p", () => checkDistribution(row, { ...plain, topP: 0.9 }));
  it("draws with top-k", () => checkDistribution(row, { ...plain, topK: 20 }));
  it("draws with bans, top-k and top-p", () => {
    const likely = [...row.keys()].sort((a, b) => row[b]! - row[a]!).slice(0, 3);
    checkDistribution(row, { ...plain, topK: 50, topP: 0.8, bannedTokens: likely });
  });
  it("draws from probabilities that sum to 3", () =>
    checkDistribution(
      row.map((value) => 3 * value),
      { ...plain, topP: 0.95 },
    ));
  it("draws from 2,048 tokens with p = 0.99", () => checkDistribution(skewed(2048, 5), { ...plain, topP: 0.99 }));
  it("rejects a wrong distribution: the bound is not vacuous", () => {
    const other = Float32Array.from(row, (value, token) => value * (token % 2 === 0 ? 1.2 : 0.8));
    const sample = createRowSampler(row.length, plain);
    const random = createRandom(12).key("draws");
    const counts = new Array<number>(row.length).fill(0);
    for (let position = 0; position < 20_000; position++)
      counts[sample(other, uniformAt(random, position)).token]! += 1;
    const total = row.reduce((sum, value) => sum + value, 0);
    const cells = counts
      .map((count, token) => ({ count, mean: (row[token]! / total) * 20_000 }))
      .filter(({ mean }) => mean >= 5);
    const statistic = cells.reduce((sum, { count, mean }) => sum + (count - mean) ** 2 / mean, 0);
    expect(statistic).toBeGreaterThan(chiSquareBound(cells.length - 1));
  });
});

/** All tokens that a fine grid of uniforms can draw. */
const support = (row: Float32Array, settings: DrawSettings, grid = 4096): Map<number, Draw> => {
  const sample = createRowSampler(row.length, settings);
  const drawn = new Map<number, Draw>();
  for (let step = 0; step < grid; step++) {
    const draw = sample(row, (step + 0.5) / grid);
    drawn.set(draw.token, draw);
  }
  return drawn;
};

describe("createRowSampler: edges", () => {
  it("keeps truncated sets equal to the reference for many rows, p and k", () => {
    for (let seed = 0; seed < 40; seed++) {
      const row = skewed(64, 100 + seed);
      const settings = { ...plain, topP: [0.05, 0.3, 0.7, 0.99, 1][seed % 5]!, topK: [0, 1, 5, 63][seed % 4]! };
      const expected = reference(row, settings);
      const sample = createRowSampler(row.length, settings);
      let cumulative = 0;
      for (const [token, share] of expected.entries()) {
        if (share === 0) continue;
        expect(sample(row, cumulative + share / 2).token).toBe(token);
        cumulative += share;
      }
    }
  });

  it("draws the only token with mass, at log-prob 0", () => {
    const row = new Float32Array(10);
    row[7] = 1;
    for (const settings of [plain, { ...plain, topP: 0.01 }, { ...plain, topK: 3 }, { ...plain, temperature: 0 }]) {
      expect(createRowSampler(10, settings)(row, 0.999)).toEqual({ token: 7, logProb: 0, behaviourLogProb: 0 });
    }
  });

  it("cuts ties at the boundary of top-p at the lower indices", () => {
    const uniform = new Float32Array(100).fill(0.01);
    const kept = support(uniform, { ...plain, topP: 0.5 });
    expect([...kept.keys()].sort((a, b) => a - b)).toEqual([...Array(50).keys()]);
    expect(kept.get(0)!.behaviourLogProb).toBeCloseTo(Math.log(1 / 50), 12);
    expect(kept.get(0)!.logProb).toBeCloseTo(Math.log(1 / 100), 12);
    expect(support(uniform, { ...plain, topP: 0.99 }).size).toBe(99);
  });

  it("keeps all tokens that equal the k-th", () => {
    const row = Float32Array.of(0.1, 0.25, 0.25, 0.25, 0.15);
    expect([...support(row, { ...plain, topK: 2 }).keys()].sort()).toEqual([1, 2, 3]);
  });

  it("keeps one token with k = 1 and with a tiny p, and is certain of it", () => {
    const row = skewed(50, 9);
    const best = row.indexOf(Math.max(...row));
    for (const settings of [
      { ...plain, topK: 1 },
      { ...plain, topP: 1e-6 },
    ]) {
      const kept = support(row, settings);
      expect([...kept.keys()]).toEqual([best]);
      expect(kept.get(best)!.behaviourLogProb).toBe(0);
      expect(kept.get(best)!.logProb).toBeLessThan(0);
    }
  });

  it("is greedy at temperature 0: the first of equals, never a banned token", () => {
    const row = Float32Array.of(0.1, 0.3, 0.3, 0.3);
    expect(createRowSampler(4, { ...plain, temperature: 0 })(row, 0.99).token).toBe(1);
    const banned = createRowSampler(4, { ...plain, temperature: 0, bannedTokens: [1] })(row, 0);
    expect(banned.token).toBe(2);
    expect(banned.behaviourLogProb).toBe(0);
    expect(banned.logProb).toBeCloseTo(Math.log(0.3), 6);
  });

  it("samples what bans leave, however little", () => {
    const row = new Float32Array(20).fill(1e-30);
    row[0] = 1;
    const bannedTokens = [...Array(19).keys()];
    const draw = createRowSampler(20, { ...plain, topP: 0.9, bannedTokens })(row, 0.5);
    expect(draw.token).toBe(19);
    expect(draw.behaviourLogProb).toBe(0);
    expect(draw.logProb).toBeCloseTo(Math.log(1e-30), 5);
  });

  it("does not change the row it is given and draws the same again", () => {
    const row = skewed(64, 4);
    const before = row.slice();
    const sample = createRowSampler(64, { ...plain, topP: 0.5, topK: 10, bannedTokens: [3] });
    const first = sample(row, 0.77);
    sample(skewed(64, 5), 0.2);
    expect(sample(row, 0.77)).toEqual(first);
    expect(row).toEqual(before);
  });

  it("covers the ends of the unit interval", () => {
    const row = Float32Array.of(0, 0.5, 0, 0.5, 0);
    const sample = createRowSampler(5, plain);
    expect(sample(row, 0).token).toBe(1);
    expect(sample(row, 1 - 2 ** -53).token).toBe(3);
  });
});

describe("createRowSampler: errors", () => {
  it("refuses settings out of range", () => {
    expect(() => createRowSampler(4, { ...plain, temperature: -1 })).toThrow("temperature is -1");
    expect(() => createRowSampler(4, { ...plain, topP: 0 })).toThrow("topP is 0");
    expect(() => createRowSampler(4, { ...plain, topP: 1.5 })).toThrow("topP is 1.5");
    expect(() => createRowSampler(4, { ...plain, topK: 1.5 })).toThrow("topK is 1.5");
    expect(() => createRowSampler(4, { ...plain, bannedTokens: [4] })).toThrow(
      "Banned token 4 is not in the vocabulary of 4 tokens",
    );
    expect(() => createRowSampler(2, { ...plain, bannedTokens: [0, 1, 1] })).toThrow("All 2 tokens are banned");
    expect(() => createRowSampler(0, plain)).toThrow("vocabulary of 0 tokens");
  });

  it("refuses rows that are no distribution", () => {
    const sample = createRowSampler(3, plain);
    expect(() => sample(Float32Array.of(0.5, NaN, 0.5), 0)).toThrow("token 1 is NaN");
    expect(() => sample(Float32Array.of(0.5, -0.1, 0.6), 0)).toThrow("not a distribution");
    expect(() => sample(new Float32Array(3), 0)).toThrow("sum to 0");
    expect(() => sample(new Float32Array(2), 0)).toThrow("got 2 probabilities, the vocabulary has 3");
  });

  it("says so when the banned tokens hold everything", () => {
    const row = Float32Array.of(1, 0, 0);
    for (const temperature of [0, 1]) {
      for (const topP of [1, 0.9]) {
        expect(() => createRowSampler(3, { ...plain, temperature, topP, bannedTokens: [0] })(row, 0.5)).toThrow(
          "hold all of the probability",
        );
      }
    }
  });
});

describe("uniformAt", () => {
  it("depends on key and position alone and stays in [0, 1)", () => {
    const random = createRandom(1).key("a");
    const values = Array.from({ length: 1000 }, (_, position) => uniformAt(random, position));
    expect(values.every((value) => value >= 0 && value < 1)).toBe(true);
    expect(uniformAt(createRandom(1).key("a"), 500)).toBe(values[500]);
    expect(uniformAt(createRandom(1).key("b"), 500)).not.toBe(values[500]);
    expect(new Set(values).size).toBe(1000);
    const mean = values.reduce((sum, value) => sum + value, 0) / 1000;
    expect(Math.abs(mean - 0.5)).toBeLessThan(5 / Math.sqrt(12 * 1000));
  });
});

describe("softmaxInto", () => {
  it("equals a float64 softmax at a temperature, far from overflow", () => {
    const logits = Float32Array.of(1000, 1001, 990, -Infinity);
    const out = new Float32Array(4);
    softmaxInto(logits, 2, out);
    const weights = [Math.exp(-0.5), 1, Math.exp(-5.5), 0];
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    for (const [index, weight] of weights.entries()) expect(out[index]!).toBeCloseTo(weight / total, 7);
    softmaxInto(logits, 0, out);
    expect(out[0]! / out[1]!).toBeCloseTo(Math.exp(-1), 6);
  });
});

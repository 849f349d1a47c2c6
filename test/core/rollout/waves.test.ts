import { describe, expect, it } from "vitest";
import { createRandom } from "../../../core/math/random.ts";
import { planWaves, type WaveMember } from "../../../core/rollout/waves.ts";

const unlimited = { cachedTokens: 1e9, rows: 1e9 };

describe("planWaves", () => {
  it("samples everything at once where it fits, longest prompts first", () => {
    const requests = [10, 30, 20].map((promptLength) => ({ promptLength, count: 4 }));
    expect(planWaves(requests, 8, unlimited)).toEqual([[1, 2, 0].map((request) => ({ request, first: 0, count: 4 }))]);
  });

  it("leaves out requests for nothing", () => {
    expect(planWaves([{ promptLength: 5, count: 0 }], 8, unlimited)).toEqual([]);
    expect(planWaves([], 8, unlimited)).toEqual([]);
  });

  it("spreads a large request over waves of nearly equal size", () => {
    const waves = planWaves([{ promptLength: 5, count: 10 }], 8, { cachedTokens: 1e9, rows: 4 });
    expect(waves).toEqual([
      [{ request: 0, first: 0, count: 3 }],
      [{ request: 0, first: 3, count: 3 }],
      [{ request: 0, first: 6, count: 4 }],
    ]);
  });

  it("samples one response alone that is over every limit", () => {
    const waves = planWaves([{ promptLength: 500, count: 2 }], 100, { cachedTokens: 10, rows: 8 });
    expect(waves.map((wave) => wave.map(({ count }) => count))).toEqual([[1], [1]]);
  });

  it("keeps within the limits and covers every response once, for many random requests", () => {
    const random = createRandom(8);
    for (let trial = 0; trial < 50; trial++) {
      const draw = (position: number, limit: number) => Math.floor(limit * random.key(trial).uniform(position));
      const requests = Array.from({ length: 12 }, (_, i) => ({
        promptLength: 1 + draw(2 * i, 60),
        count: draw(2 * i + 1, 9),
      }));
      const limits = { cachedTokens: 300 + draw(50, 1000), rows: 1 + draw(51, 20) };
      const seen = new Set<string>();
      for (const wave of planWaves(requests, 16, limits)) {
        const P = Math.max(...wave.map(({ request }) => requests[request]!.promptLength));
        const N = Math.max(...wave.map(({ count }) => count));
        expect(wave.length * N).toBeLessThanOrEqual(limits.rows);
        expect(wave.length * (P + 16 * N)).toBeLessThanOrEqual(limits.cachedTokens);
        for (const { request, first, count } of wave satisfies WaveMember[]) {
          for (let index = first; index < first + count; index++) {
            expect(seen.has(`${request} ${index}`)).toBe(false);
            seen.add(`${request} ${index}`);
          }
        }
      }
      expect(seen.size).toBe(requests.reduce((sum, { count }) => sum + count, 0));
    }
  });
});

import { expect, it } from "vitest";
import { GrowingResponse } from "../../../core/rollout/response.ts";
import { createRowSampler } from "../../../core/rollout/sampling.ts";

const sampler = createRowSampler(4, { temperature: 1, topP: 0.8, topK: 0, bannedTokens: [] });
const row = Float32Array.of(0.125, 0.5, 0.125, 0.25);

it("grows by what is drawn, with both log-probs, and is given as a whole", () => {
  const response = new GrowingResponse(3, 1, [7, 8]);
  expect(response.lastToken).toBe(-1);
  for (let token = 0; token < 20; token++) response.draw(sampler, row);
  const { request, index, tokens, logProbs, behaviourLogProbs, finish } = response.finish("stop");
  expect({ request, index, finish, last: response.lastToken }).toEqual({
    request: 3,
    index: 1,
    finish: "stop",
    last: tokens.at(-1),
  });
  // p = 0.8 keeps 0.5, 0.25 and the first of the two 0.125.
  expect(new Set(tokens)).toEqual(new Set([0, 1, 3]));
  tokens.forEach((token, i) => {
    expect(logProbs[i]).toBeCloseTo(Math.log(row[token]!), 6);
    expect(behaviourLogProbs[i]).toBeCloseTo(Math.log(row[token]! / 0.875), 6);
  });
});

it("depends on its key and the probabilities alone", () => {
  const tokensOf = (request: number, key: readonly [number, number], before: number): number[] => {
    const response = new GrowingResponse(request, 0, key);
    for (let token = 0; token < before; token++) response.draw(sampler, row);
    return [...response.finish("length").tokens];
  };
  expect(tokensOf(0, [1, 2], 30)).toEqual(tokensOf(5, [1, 2], 30));
  expect(tokensOf(0, [1, 2], 30).slice(0, 10)).toEqual(tokensOf(0, [1, 2], 10));
  expect(tokensOf(0, [1, 2], 30)).not.toEqual(tokensOf(0, [1, 3], 30));
});

it("names request, response and token when a row is broken", () => {
  const response = new GrowingResponse(3, 1, [7, 8]);
  response.draw(sampler, row);
  expect(() => {
    response.draw(sampler, Float32Array.of(0.5, NaN, 0, 0));
  }).toThrow(/^Request 3, response 1, token 1: /);
  expect(response.finish("length").tokens).toHaveLength(1);
});

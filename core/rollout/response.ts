/** A response on its way. */
import { randomFromWords, type Random } from "../math/random.ts";
import { DivergedError } from "../learner/diverged-error.ts";
import type { GeneratedResponse } from "./engine.ts";
import { uniformAt, type RowSampler } from "./sampling.ts";

export class GrowingResponse {
  readonly #request: number;
  readonly #index: number;
  readonly #random: Random;
  readonly #tokens: number[] = [];
  readonly #logProbs: number[] = [];
  readonly #behaviourLogProbs: number[] = [];

  /** @param key the response's random key: the draw of its i-th token depends on the key, i and the probabilities alone. */
  constructor(request: number, index: number, key: readonly [number, number]) {
    this.#request = request;
    this.#index = index;
    this.#random = randomFromWords(key);
  }

  get lastToken(): number {
    return this.#tokens.at(-1) ?? -1;
  }

  /** Draw and append the next token from its probabilities, [V]. */
  draw(sampler: RowSampler, probabilities: Float32Array): void {
    const position = this.#tokens.length;
    try {
      const { token, logProb, behaviourLogProb } = sampler(probabilities, uniformAt(this.#random, position));
      this.#tokens.push(token);
      this.#logProbs.push(logProb);
      this.#behaviourLogProbs.push(behaviourLogProb);
    } catch (cause) {
      throw new Error(`Request ${this.#request}, response ${this.#index}, token ${position}: ${(cause as Error).message}`, { cause });
    }
  }

  /** What decides the token of a position, for a device that draws: the upper 27 and the lower 26 bits of a number of 53. */
  words(position: number): readonly [number, number] {
    const number = uniformAt(this.#random, position) * 2 ** 53;
    return [Math.floor(number / 2 ** 26), number % 2 ** 26];
  }

  /** Append a token that a device drew. @throws DivergedError where the model's output was no distribution */
  append(token: number, logProb: number, behaviourLogProb: number): void {
    const where = `Request ${this.#request}, response ${this.#index}, token ${this.#tokens.length}`;
    if (Number.isNaN(logProb)) throw new DivergedError(`${where}: the model's output is not a distribution (its weights may have diverged)`);
    if (!Number.isFinite(behaviourLogProb)) throw new Error(`${where}: the banned tokens hold all of the probability: nothing is left to sample`);
    this.#tokens.push(token);
    this.#logProbs.push(logProb);
    this.#behaviourLogProbs.push(behaviourLogProb);
  }

  finish(finish: GeneratedResponse["finish"]): GeneratedResponse {
    return {
      request: this.#request,
      index: this.#index,
      tokens: Int32Array.from(this.#tokens),
      logProbs: Float32Array.from(this.#logProbs),
      behaviourLogProbs: Float32Array.from(this.#behaviourLogProbs),
      finish,
    };
  }
}

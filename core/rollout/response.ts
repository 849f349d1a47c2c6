/** A response on its way. */
import { randomFromWords, type Random } from "../math/random.ts";
import { DivergedError } from "../learner/diverged-error.ts";
import type { EncodedPrompt } from "../model/model.ts";
import type { EncodedPicture } from "../model/processing/picture.ts";
import type { EndedTurn, GeneratedResponse } from "./engine.ts";
import { uniformAt, type RowSampler } from "./sampling.ts";

export class GrowingResponse {
  readonly #request: number;
  readonly #index: number;
  readonly #random: Random;
  readonly #tokens: number[] = [];
  readonly #logProbs: number[] = [];
  readonly #behaviourLogProbs: number[] = [];
  /** Its turn has ended, and what goes on after it is not known yet. */
  waits = false;
  /** Rotary position of its newest token. */
  position: number;
  /** Rotary position of its first token. */
  readonly firstPosition: number;
  /** That were put into it between turns, in order. */
  readonly pictures: EncodedPicture[] = [];

  /**
   * @param next position of its first token @param key the response's random key: the draw of its i-th token depends on
   * the key, i and the probabilities alone.
   */
  constructor(request: number, index: number, key: readonly [number, number], next = 0) {
    this.position = next - 1;
    this.firstPosition = next;
    this.#request = request;
    this.#index = index;
    this.#random = randomFromWords(key);
  }

  get length(): number {
    return this.#tokens.length;
  }

  get lastToken(): number {
    return this.#tokens.at(-1) ?? -1;
  }

  /** Draw and append the next token from its probabilities, [V]. */
  draw(sampler: RowSampler, probabilities: Float32Array): void {
    const position = this.#tokens.length;
    try {
      const { token, logProb, behaviourLogProb } = sampler(probabilities, uniformAt(this.#random, position));
      this.#push(token, logProb, behaviourLogProb);
    } catch (cause) {
      throw new Error(
        `Request ${this.#request}, response ${this.#index}, token ${position}: ${(cause as Error).message}`,
        { cause },
      );
    }
  }

  /**
   * What decides the token of a position, for a device that draws: the upper 27 and the lower 26 bits of a number of
   * 53.
   */
  words(position: number): readonly [number, number] {
    const number = uniformAt(this.#random, position) * 2 ** 53;
    return [Math.floor(number / 2 ** 26), number % 2 ** 26];
  }

  /** Append a token that a device drew. @throws DivergedError where the model's output was no distribution */
  append(token: number, logProb: number, behaviourLogProb: number): void {
    const where = `Request ${this.#request}, response ${this.#index}, token ${this.#tokens.length}`;
    if (Number.isNaN(logProb))
      throw new DivergedError(`${where}: the model's output is not a distribution (its weights may have diverged)`);
    if (!Number.isFinite(behaviourLogProb))
      throw new Error(`${where}: the banned tokens hold all of the probability: nothing is left to sample`);
    this.#push(token, logProb, behaviourLogProb);
  }

  #push(token: number, logProb: number, behaviourLogProb: number): void {
    this.#tokens.push(token);
    this.#logProbs.push(logProb);
    this.#behaviourLogProbs.push(behaviourLogProb);
    this.position++;
  }

  /** What it is so far. */
  get endedTurn(): EndedTurn {
    return { request: this.#request, index: this.#index, tokens: Int32Array.from(this.#tokens) };
  }

  /**
   * Append what was put into it after a turn. @throws RangeError when there is no room for it and for a token after it
   */
  hear({ ids, pictures }: EncodedPrompt, maxNewTokens: number): void {
    const room = maxNewTokens - this.length - 1;
    if (ids.length === 0 || ids.length > room) {
      throw new RangeError(
        `Request ${this.#request}, response ${this.#index}: ${ids.length} tokens are put into it after ${this.length}, and there is room for 1 to ${room} (maxNewTokens ${maxNewTokens})`,
      );
    }
    for (const id of ids) this.#push(id, 0, 0);
    this.pictures.push(...pictures);
    this.waits = false;
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

/** What one call of the sampler is about, and what goes on after the turns of its responses. */
import { type Decoder, type EncodedPrompt, promptLength } from "../model/model.ts";
import { responsePositions } from "../model/rows/response-positions.ts";
import type { GeneratedResponse, GoOn, RolloutRequest, SamplingSettings } from "./engine.ts";
import type { GrowingResponse } from "./response.ts";
import type { RowSampler } from "./sampling.ts";

export interface Job {
  readonly requests: readonly RolloutRequest[];
  readonly sampling: SamplingSettings;
  readonly sampler: RowSampler;
  readonly onResponse: (response: GeneratedResponse) => void;
  readonly giveUp?: AbortSignal;
  readonly goOn?: GoOn;
}

/**
 * How a response has ended with its newest token; null where it goes on, or waits for what comes after the turn that
 * the token ends.
 */
export function endOf(response: GrowingResponse, { sampling, goOn }: Job): GeneratedResponse["finish"] | null {
  if (!sampling.stopTokens.includes(response.lastToken))
    return response.length === sampling.maxNewTokens ? "length" : null;
  response.waits = goOn !== undefined;
  return response.waits ? null : "stop";
}

/** What has to go through the decoder of a response that goes on. */
export interface NewWords extends EncodedPrompt {
  /** Rotary positions of `ids`, [3, tokens]. */
  readonly components: Int32Array;
}

/**
 * Ask what goes on after the turns that have ended, and put it into their responses.
 * @returns by response, what has to go through the decoder: the token that ended the turn and what was put after it;
 *   those that are not among them are done, and still wait
 */
export async function wordsAfter(
  responses: readonly (GrowingResponse | null)[],
  { goOn, requests, sampling }: Job,
  decoder: Decoder,
): Promise<ReadonlyMap<GrowingResponse, NewWords>> {
  const words = new Map<GrowingResponse, NewWords>();
  const waiting = responses.filter((response) => response?.waits === true) as GrowingResponse[];
  if (goOn === undefined || waiting.length === 0) return words;
  const answers = await goOn(waiting.map(({ endedTurn }) => endedTurn));
  if (answers.length !== waiting.length)
    throw new Error(`${waiting.length} turns ended, and ${answers.length} answers came to them`);
  for (const [index, response] of waiting.entries()) {
    const answer = answers[index]!;
    if (answer === null) continue;
    const ids = Int32Array.of(response.lastToken, ...answer.ids);
    response.hear(answer, sampling.maxNewTokens);
    const { request } = response.endedTurn;
    const components = placed(response, ids.length, requests[request]!.prompt, decoder);
    words.set(response, { ids, pictures: answer.pictures, components });
  }
  return words;
}

/** Rotary positions of a response's newest tokens, [3, count]; the one after them is where it goes on. */
function placed(response: GrowingResponse, count: number, prompt: EncodedPrompt, decoder: Decoder): Int32Array {
  const { tokens } = response.endedTurn;
  const all = responsePositions(decoder, prompt, { tokens, pictures: response.pictures }, response.firstPosition);
  response.position = all.next - 1;
  const components = new Int32Array(3 * count);
  for (let component = 0; component < 3; component++) {
    const end = (component + 1) * tokens.length;
    components.set(all.components.subarray(end - count, end), component * count);
  }
  return components;
}

/** Tokens of the longest prompt. */
export const longestOf = (prompts: readonly EncodedPrompt[]): number => Math.max(...prompts.map(promptLength));

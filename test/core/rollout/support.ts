/** Requests with keys, and their responses collected, for tests of engines. */
import { createRandom } from "../../../core/math/random.ts";
import type { EncodedPrompt } from "../../../core/model/model.ts";
import type {
  GeneratedResponse,
  RolloutEngine,
  RolloutRequest,
  SamplingSettings,
} from "../../../core/rollout/engine.ts";

/** `count` responses to a prompt, keyed by `name` alone. */
export const requestFor = (prompt: EncodedPrompt, count: number, name: string | number): RolloutRequest => {
  const random = createRandom(11).key("response", name);
  return { prompt, count, keys: Array.from({ length: count }, (_, index) => random.key(index).words) };
};

/** All responses, in the order of request and index. */
export const collect = async (
  engine: RolloutEngine,
  requests: readonly RolloutRequest[],
  sampling: SamplingSettings,
): Promise<GeneratedResponse[]> => {
  const responses: GeneratedResponse[] = [];
  await engine.generate(requests, sampling, (response) => responses.push(response));
  return responses.sort((a, b) => a.request - b.request || a.index - b.index);
};

/** The same for `count` responses to each prompt, keyed by the prompt's place. */
export const sampleAll = (
  engine: RolloutEngine,
  prompts: readonly EncodedPrompt[],
  count: number,
  sampling: SamplingSettings,
): Promise<GeneratedResponse[]> =>
  collect(
    engine,
    prompts.map((prompt, index) => requestFor(prompt, count, index)),
    sampling,
  );

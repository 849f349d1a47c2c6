import type { Policy } from "@papo/core";
import type { LearnerBatch } from "../../core/learner/learner.ts";

/** Two short responses to the batch's first prompt, and the log-probs of the batch. */
export async function sampledAndScored(
  { learner, rollout, processor }: Policy,
  batch: LearnerBatch,
): Promise<{ readonly tokens: readonly (readonly number[])[]; readonly logProbs: Float32Array }> {
  const tokens: number[][] = [];
  const { bannedTokens } = processor;
  const sampling = { temperature: 1, topP: 1, topK: 0, maxNewTokens: 6, stopTokens: [], bannedTokens };
  const keys = [
    [1, 2],
    [3, 4],
  ] as const;
  await rollout.generate([{ prompt: batch.prompts[0]!, count: 2, keys }], sampling, (response) =>
    tokens.push([...response.tokens]),
  );
  return { tokens, logProbs: (await learner.score(batch, ["logProbs"])).logProbs! };
}

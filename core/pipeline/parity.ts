/**
 * The gate before a run: sampler and learner must agree on the log-probs of what was sampled, or every ratio is wrong.
 */
import type { Random } from "../math/random.ts";
import type { Prompt, Sample } from "../contracts/step/sample.ts";
import { CURRENT_LOG_PROBS } from "../contracts/registered/scores.ts";
import { compareLogProbs, longestOf, scoreSamples, type Parity } from "../scores/experience.ts";
import type { Policy } from "../contracts/policy.ts";
import type { Turns } from "../rewards/turns.ts";
import { RewardDesk } from "../rewards/rewards.ts";
import { sampleGroups, samplingFor } from "../rewards/rollouts.ts";
import type { RunSettings } from "../contracts/settings.ts";

/** Longer responses would show nothing new; those of several turns are let go on for longer. */
const TOKENS = 64;
const TOKENS_IN_TURNS = 256;

/**
 * Sample two responses to each prompt and score them with the learner.
 * @throws Error beyond `settings.parityTolerance`, saying which token differs by how much and how the difference is
 *   spread
 */
export async function checkParity(
  policy: Policy,
  prompts: readonly Prompt[],
  random: Random,
  settings: RunSettings,
  turns?: Turns,
): Promise<Parity> {
  const { sampling, parityTolerance } = settings;
  const several = turns !== undefined && turns.environments.length > 0;
  const groups = await sampleGroups(
    prompts,
    { step: 0, round: 0 },
    {
      ...policy,
      desk: new RewardDesk([], 1),
      sampling: samplingFor(policy.processor, {
        ...sampling,
        maxNewTokens: Math.min(several ? TOKENS_IN_TURNS : TOKENS, sampling.maxNewTokens),
      }),
      ...(several ? { turns } : {}),
      shares: [{ view: "original", count: 2 }],
      random: random.key("parity"),
      onSample: () => undefined,
    },
  );
  const samples = groups.flatMap((group) => group.samples);
  const target = { key: CURRENT_LOG_PROBS, view: "original", weights: "current", output: "logProbs" } as const;
  const learner = (await scoreSamples(policy.learner, samples, [target], sampling.temperature)).get(CURRENT_LOG_PROBS)!;
  const parity = compareLogProbs(samples, learner);
  if (!(parity.max <= parityTolerance)) throw new Error(describe(samples, learner, parity, policy, parityTolerance));
  return parity;
}

function describe(
  samples: readonly Sample[],
  learner: Float32Array,
  { max, mean, worst }: Parity,
  policy: Policy,
  tolerance: number,
): string {
  const { prompt, response } = samples[worst.sample]!;
  const T = longestOf(samples);
  const token = response.tokens[worst.token]!;
  const text = policy.processor.decode(Int32Array.of(token));
  const first = samples.filter(
    ({ response: { logProbs } }, index) => !(Math.abs(logProbs[0]! - learner[index * T]!) <= tolerance),
  ).length;
  const spread =
    first === 0
      ? "The first tokens all agree: look at what later tokens depend on (cache, positions of responses)."
      : `The first token already differs in ${first} of ${samples.length} responses: look at the prompt (pictures, positions), the weights the sampler has, or the temperature.`;
  return (
    `Sampler and learner disagree by up to ${max.toExponential(2)} nats (mean ${mean.toExponential(2)}), allowed is ${tolerance.toExponential(1)} (parityTolerance). ` +
    `Largest: row "${prompt.row.id}", response ${response.index}, token ${worst.token} (${token}, "${text}"): ` +
    `sampler ${response.logProbs[worst.token]}, learner ${learner[worst.sample * T + worst.token]}. ${spread} Nothing was trained.`
  );
}

/** Sample and score rows without training. */
import { createRandom } from "../math/random.ts";
import type { SamplingSettings } from "../rollout/engine.ts";
import type { Environment } from "../contracts/registered/environment.ts";
import type { Row } from "../contracts/step/row.ts";
import type { Sample } from "../contracts/step/sample.ts";
import type { Policy } from "../contracts/policy.ts";
import { makePrompt } from "../prompts/prompts.ts";
import { RewardDesk } from "../rewards/rewards.ts";
import { type Scorer } from "../contracts/registered/scorer.ts";
import { sampleGroups, samplingFor } from "../rewards/rollouts.ts";
import type { View } from "../contracts/registered/views.ts";

export interface EvaluateOptions {
  readonly policy: Policy;
  readonly rows: readonly Row[];
  readonly scorers: Iterable<Scorer>;
  /** Who answers between turns; default: nobody, responses have one turn. */
  readonly environments?: Iterable<Environment>;
  /** Default: greedy, at most 256 new tokens. */
  readonly sampling?: Partial<Omit<SamplingSettings, "stopTokens" | "bannedTokens">>;
  /** Responses to each row; default 1. */
  readonly samplesPerPrompt?: number;
  /** Views to make besides "original"; samples carry them in `prompt.views`. */
  readonly views?: readonly View[];
  /** The view that is sampled from; default "original". */
  readonly sampleView?: string;
  /** Default 1. Equal seeds give equal samples and masks. */
  readonly seed?: number;
  /** Rows sampled together; default 32. Changes no result. */
  readonly promptsPerChunk?: number;
  /** Longest prompt in tokens; default: no limit. */
  readonly maxPromptTokens?: number;
  /** Scorers running at one time; default 64. */
  readonly concurrentScorers?: number;
  /** Called after each chunk with the number of rows done. */
  readonly onProgress?: (done: number) => void;
}

const greedy = { temperature: 0, topP: 1, topK: 0, maxNewTokens: 256 };

/** Samples of every row, in the order of the rows. A row that cannot be used is an error that names it. */
export async function evaluate(options: EvaluateOptions): Promise<Sample[]> {
  const { policy, rows, views = [], promptsPerChunk = 32, seed = 1 } = options;
  const random = createRandom(seed).key("evaluate");
  const maker = { processor: policy.processor, views, random, maxPromptTokens: options.maxPromptTokens ?? Infinity };
  const context = {
    ...policy,
    desk: new RewardDesk([...options.scorers], options.concurrentScorers ?? 64),
    sampling: samplingFor(policy.processor, { ...greedy, ...options.sampling }),
    shares: [{ view: options.sampleView ?? "original", count: options.samplesPerPrompt ?? 1 }],
    random,
    onSample: () => undefined,
    turns: { environments: [...(options.environments ?? [])] },
  };
  const samples: Sample[] = [];
  for (let start = 0; start < rows.length; start += promptsPerChunk) {
    const chunk = rows.slice(start, start + promptsPerChunk);
    const prompts = await Promise.all(chunk.map((row) => makePrompt(row, row.id, 0, maker)));
    const groups = await sampleGroups(prompts, { step: 0, round: 0 }, context);
    samples.push(...groups.flatMap((group) => group.samples));
    options.onProgress?.(start + chunk.length);
  }
  return samples;
}

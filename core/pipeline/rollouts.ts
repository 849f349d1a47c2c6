/** Prompts get responses, and each response is scored as soon as it is finished. */
import type { Random } from "../math/random.ts";
import type { EncodedPrompt } from "../model/model.ts";
import type { GeneratedResponse, RolloutEngine, SamplingSettings } from "../rollout/engine.ts";
import type { Group, Prompt, Response, Sample } from "./batch.ts";
import type { PromptProcessor } from "./policy.ts";
import type { RewardDesk, Verdict } from "./rewards.ts";

export interface RolloutContext {
  readonly rollout: RolloutEngine;
  readonly processor: PromptProcessor;
  readonly desk: RewardDesk;
  readonly sampling: SamplingSettings;
  readonly samplesPerPrompt: number;
  /** Root of the sampler's randomness; a response's key is (step, round, prompt, index). */
  readonly random: Random;
  /** The view of the prompt that is sampled from. */
  readonly view: string;
  /** Called for each response once it is scored, in the order of finishing. */
  readonly onSample: (sample: Sample, verdict: Verdict) => void;
}

/** Sampling settings of a processor's model. */
export function samplingFor(processor: PromptProcessor, sampling: Omit<SamplingSettings, "stopTokens" | "bannedTokens">): SamplingSettings {
  return { ...sampling, stopTokens: processor.stopTokens, bannedTokens: processor.bannedTokens };
}

/**
 * Sample and score `samplesPerPrompt` responses to each prompt. Groups come in the order of the prompts, samples in that of their index,
 * whoever finished first. An engine that gives too few or too many responses is an error, as is a scorer that stops the run;
 * then the first failing response in that order is reported, after all others have ended.
 */
export async function sampleGroups(prompts: readonly Prompt[], place: { step: number; round: number }, context: RolloutContext): Promise<Group[]> {
  const pending = prompts.map(() => new Map<number, Promise<Sample>>());
  const requests = prompts.map((prompt) => ({
    prompt: viewOf(prompt, context.view),
    count: context.samplesPerPrompt,
    keys: responseKeys(prompt, place, context),
  }));
  const generated = context.rollout.generate(requests, context.sampling, (response) => {
    const prompt = prompts[response.request];
    const group = pending[response.request];
    if (prompt === undefined || group === undefined || group.has(response.index)) {
      throw new Error(`The rollout engine gave response ${response.index} to request ${response.request} twice or unasked`);
    }
    const sample = scoreResponse(prompt, finishResponse(response, context.processor), place, context);
    // Its rejection is reported below, after all others have ended.
    sample.catch(() => undefined);
    group.set(response.index, sample);
  });
  await generated.catch((error: unknown) => {
    throw new Error(`Sampling responses failed: ${(error as Error).message}`, { cause: error });
  });
  return allInOrder(prompts.map((prompt, index) => wholeGroup(prompt, pending[index]!, place.round, context.samplesPerPrompt)));
}

function viewOf(prompt: Prompt, view: string): EncodedPrompt {
  const encoded = prompt.views.get(view);
  if (encoded === undefined) throw new Error(`There is no view "${view}" to sample from; there are ${[...prompt.views.keys()].join(", ")}`);
  return encoded;
}

async function wholeGroup(prompt: Prompt, pending: ReadonlyMap<number, Promise<Sample>>, round: number, wanted: number): Promise<Group> {
  if (pending.size !== wanted) throw new Error(`The rollout engine gave ${pending.size} of ${wanted} responses to row "${prompt.row.id}"`);
  const samples = await allInOrder([...pending].sort(([a], [b]) => a - b).map(([, sample]) => sample));
  return { key: prompt.key, prompt, samples, round };
}

/** All results once all have ended; else the first failure in the list's order. */
async function allInOrder<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(promises);
  return settled.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
}

async function scoreResponse(prompt: Prompt, response: Response, place: { step: number; round: number }, context: RolloutContext): Promise<Sample> {
  const verdict = await context.desk.judge({ prompt, response }, place);
  const sample: Sample = { prompt, response, scored: verdict.reward, reward: verdict.reward, parts: verdict.parts, notes: verdict.notes };
  context.onSample(sample, verdict);
  return sample;
}

function finishResponse({ index, tokens, logProbs, behaviourLogProbs, finish }: GeneratedResponse, processor: PromptProcessor): Response {
  return { index, segments: [{ source: "policy", tokens }], tokens, text: processor.decode(tokens), logProbs, behaviourLogProbs, finish };
}

function responseKeys(prompt: Prompt, { step, round }: { step: number; round: number }, context: RolloutContext) {
  const random = context.random.key("response", step, round, prompt.key);
  return Array.from({ length: context.samplesPerPrompt }, (_, index) => random.key(index).words);
}

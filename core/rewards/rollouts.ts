/** Prompts get responses, and each response is scored as soon as it is finished. */
import type { Learner } from "../learner/learner.ts";
import type { Random } from "../math/random.ts";
import type { EncodedPrompt } from "../model/model.ts";
import type { RolloutShare } from "../contracts/hook-values.ts";
import type { GeneratedResponse, RolloutEngine, RolloutRequest, SamplingSettings } from "../rollout/engine.ts";
import type { Group, Prompt, Response, Sample } from "../contracts/step/sample.ts";
import type { PromptProcessor } from "../contracts/policy.ts";
import type { RewardDesk, Verdict } from "./rewards.ts";
import { ConversationLog, type Turns } from "./turns.ts";

export interface RolloutContext {
  readonly learner: Pick<Learner, "version">;
  readonly rollout: RolloutEngine;
  readonly processor: PromptProcessor;
  readonly desk: RewardDesk;
  readonly sampling: SamplingSettings;
  /** How many responses are sampled from which view of each prompt. */
  readonly shares: readonly RolloutShare[];
  /** Root of the sampler's randomness; a response's key is (step, round, prompt, index). */
  readonly random: Random;
  /** Called for each response once it is scored, in the order of finishing. */
  readonly onSample: (sample: Sample, verdict: Verdict) => void;
  /** When it fires, sampling ends as soon as it can, with an error. */
  readonly giveUp?: AbortSignal;
  /** Who answers between turns. Default: nobody, responses have one turn. */
  readonly turns?: Turns;
}

/** Sampling settings of a processor's model. */
export function samplingFor(
  processor: PromptProcessor,
  sampling: Omit<SamplingSettings, "stopTokens" | "bannedTokens">,
): SamplingSettings {
  return { ...sampling, stopTokens: processor.stopTokens, bannedTokens: processor.bannedTokens };
}

/**
 * Sample and score responses to each prompt, share after share. Groups come in the order of the prompts, samples in
 * that of their index, whoever finished first. An engine that gives too few or too many responses is an error, as is a
 * scorer that stops the run; then the first failing response in that order is reported, after all others have ended.
 */
export const sampleGroups = (
  prompts: readonly Prompt[],
  place: { step: number; round: number },
  context: RolloutContext,
): Promise<Group[]> => startGroups(prompts, place, context).groups;

/** Groups on their way. */
export interface StartedGroups {
  /** Settles when the engine has given every response, scored or not. */
  readonly generated: Promise<void>;
  /** See sampleGroups. */
  readonly groups: Promise<Group[]>;
}

/** The same, with the moment from which the sampler's weights may change. */
export function startGroups(
  prompts: readonly Prompt[],
  place: { step: number; round: number },
  context: RolloutContext,
): StartedGroups {
  const { version } = context.learner;
  const pending = prompts.map(() => new Map<number, Promise<Sample>>());
  const requests = prompts.flatMap((prompt, index) => shareRequests(prompt, index, place, context));
  const log = new ConversationLog({
    environments: [],
    ...context.turns,
    ...context,
    asked: (request, index) => {
      const { of, first } = requests[request]!;
      return {
        prompt: prompts[of]!,
        index: first + index,
        random: context.random.key("environment", place.step, place.round, prompts[of]!.key, first + index),
      };
    },
  });
  const { goOn } = log;
  const options = {
    ...(context.giveUp === undefined ? {} : { giveUp: context.giveUp }),
    ...(goOn === undefined ? {} : { goOn }),
  };
  const generated = context.rollout.generate(
    requests,
    context.sampling,
    (response) => {
      const asked = requests[response.request];
      const group = asked === undefined ? undefined : pending[asked.of];
      if (asked === undefined || group === undefined || group.has(asked.first + response.index)) {
        throw new Error(
          `The rollout engine gave response ${response.index} to request ${response.request} twice or unasked`,
        );
      }
      const index = asked.first + response.index;
      const sample = scoreResponse(
        prompts[asked.of]!,
        Object.freeze({ ...finishResponse(response, log, context.processor), index, view: asked.view }),
        place,
        context,
      );
      // Its rejection is reported below, after all others have ended.
      sample.catch(() => undefined);
      group.set(index, sample);
    },
    options,
  );
  const whole = async (): Promise<Group[]> => {
    await generated.catch((error: unknown) => {
      throw new Error(`Sampling responses failed: ${(error as Error).message}`, { cause: error });
    });
    return allInOrder(
      prompts.map((prompt, index) =>
        wholeGroup(prompt, pending[index]!, { round: place.round, version }, groupSize(context.shares)),
      ),
    );
  };
  const groups = whole();
  // Whoever awaits them gets the error; it may come before anybody does.
  groups.catch(() => undefined);
  return { generated: generated.catch(() => undefined), groups };
}

/**
 * What the engine is asked for, with where its responses go: the prompt's number, the index of the first in its group.
 */
interface ShareRequest extends RolloutRequest {
  readonly of: number;
  readonly first: number;
  readonly view: string;
}

function shareRequests(
  prompt: Prompt,
  of: number,
  { step, round }: { step: number; round: number },
  { shares, random }: RolloutContext,
): ShareRequest[] {
  const root = random.key("response", step, round, prompt.key);
  let next = 0;
  return shares.map(({ view, count }) => {
    const first = next;
    next += count;
    return {
      of,
      first,
      view,
      prompt: sampledView(prompt, view),
      count,
      keys: Array.from({ length: count }, (_, index) => root.key(first + index).words),
    };
  });
}

function sampledView(prompt: Prompt, view: string): EncodedPrompt {
  const encoded = prompt.views.get(view);
  if (encoded === undefined)
    throw new Error(`There is no view "${view}" to sample from; there are ${[...prompt.views.keys()].join(", ")}`);
  return encoded;
}

const groupSize = (shares: readonly RolloutShare[]): number => shares.reduce((sum, { count }) => sum + count, 0);

async function wholeGroup(
  prompt: Prompt,
  pending: ReadonlyMap<number, Promise<Sample>>,
  origin: Pick<Group, "round" | "version">,
  wanted: number,
): Promise<Group> {
  if (pending.size !== wanted)
    throw new Error(`The rollout engine gave ${pending.size} of ${wanted} responses to row "${prompt.row.id}"`);
  const samples = await allInOrder([...pending].sort(([a], [b]) => a - b).map(([, sample]) => sample));
  return { key: prompt.key, prompt, samples, ...origin };
}

/** All results once all have ended; else the first failure in the list's order. */
async function allInOrder<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(promises);
  return settled.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
}

async function scoreResponse(
  prompt: Prompt,
  response: Response,
  place: { step: number; round: number },
  context: RolloutContext,
): Promise<Sample> {
  const verdict = await context.desk.judge({ prompt, response }, place);
  const sample: Sample = {
    prompt,
    response,
    views: prompt.views,
    scored: verdict.reward,
    reward: verdict.reward,
    parts: verdict.parts,
    notes: verdict.notes,
    ...(verdict.dropped === undefined ? {} : { dropped: verdict.dropped }),
  };
  context.onSample(sample, verdict);
  return sample;
}

function finishResponse(
  { request, index, tokens, logProbs, behaviourLogProbs, finish }: GeneratedResponse,
  log: ConversationLog,
  processor: PromptProcessor,
): Omit<Response, "index" | "view"> {
  const segments = log.segments(request, index, tokens);
  const turns = segments.filter(({ source }) => source === "policy");
  // All turns but the last were ended by a stop token.
  const written = turns.map(({ tokens: own }, turn) =>
    turn < turns.length - 1 || finish === "stop" ? own.subarray(0, -1) : own,
  );
  return {
    segments,
    tokens,
    text: turns.map(({ text }) => text).join("\n"),
    rawText: written.map((own) => processor.decode(own, { special: true })).join("\n"),
    opening: processor.opening,
    logProbs,
    behaviourLogProbs,
    finish: log.finish(request, index, finish),
  };
}

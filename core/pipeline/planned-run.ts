/** What a run does, as far as its memory goes: read off its recipe and settings. */
import type { Host } from "../host/host.ts";
import { promptLength, type EncodedPrompt } from "../model/model.ts";
import type { RolloutPlan } from "../contracts/hook-values.ts";
import type { RunSettings } from "../contracts/settings.ts";
import type { Environment } from "../contracts/registered/environment.ts";
import { createModel } from "../model/registry.ts";
import type { ModelConfig } from "../model/files/config.ts";
import { machineMemory } from "../machine/memory.ts";
import type { PlannedRun } from "../plan/memory-plan.ts";

/**
 * A prompt of a model that is known by its configuration alone: so many tokens of text, and one picture of about so
 * many visual tokens.
 */
export function examplePrompt(
  config: ModelConfig,
  { textTokens, visualTokens }: { readonly textTokens: number; readonly visualTokens: number },
): EncodedPrompt {
  const { decoder, vision } = createModel(config);
  const words = Array.from(
    { length: textTokens },
    (_, i) => (1 + i + Number(1 + i >= decoder.pictureToken)) % decoder.vocabularySize,
  );
  if (visualTokens === 0) return { ids: Int32Array.from(words), pictures: [] };
  const picture = { hash: "example", grid: vision.gridOf(visualTokens), pixels: new Float32Array() };
  const marks = Array.from({ length: vision.tokens(picture) }, () => decoder.pictureToken);
  return { ids: Int32Array.from([...marks, ...words]), pictures: [picture] };
}

/** @param prompts some of the run's, of which the longest counts; not empty */
export function plannedRun(
  host: Host,
  rollout: RolloutPlan,
  settings: RunSettings,
  prompts: readonly EncodedPrompt[],
  available = machineMemory(),
): PlannedRun {
  const { promptsPerStep, promptsPerMinibatch, promptsPerRound } = settings;
  const own = Math.min(promptsPerMinibatch ?? promptsPerStep, promptsPerStep);
  const responses = rollout.shares.reduce((sum, { count }) => sum + count, 0);
  const beside = groupsBeside(host, promptsPerStep * responses);
  const { atMost } = host.keptGroups.room();
  const scores = [...host.scores("rewards"), ...host.scores()];
  const asked = scores.filter(({ active }) => active);
  return {
    prompt: prompts.reduce((a, b) => (promptLength(b) > promptLength(a) ? b : a)),
    prompts:
      own +
      Math.ceil(
        (beside.kept + beside.made.reduce((sum, { groups }) => sum + groups, 0)) / Math.ceil(promptsPerStep / own),
      ),
    responses,
    responseTokens: rollout.maxNewTokens,
    views: new Set(["original", ...asked.map(({ view }) => view)]).size,
    outputs: [...new Set(["logProbs" as const, ...asked.map(({ output }) => output)])],
    changesValues: asked.some(({ view, against }) =>
      [view, against?.view].some((name) => name !== undefined && host.views.get(name)?.values !== undefined),
    ),
    ...(host.environments.size === 0
      ? {}
      : { turns: { visualTokens: visualTokensGiven([...host.environments.values()]) } }),
    sampled: promptsPerRound ?? promptsPerStep,
    copies: (needsReference(host) ? 1 : 0) + host.copies.size,
    teachers: [...host.teachers.values()],
    ...(atMost === 0
      ? {}
      : {
          kept: {
            groups: atMost,
            patches: 1 + [...host.views.values()].filter(({ raw, patches }) => (raw ?? patches) !== undefined).length,
          },
        }),
    available,
  };
}

/** In one response, at most: they answer one after the other, each as often as its turns allow. */
const visualTokensGiven = (environments: readonly Environment[]): number => {
  const answers = Math.max(...environments.map(({ maxTurns }) => maxTurns)) - 1;
  return answers * Math.max(...environments.map(({ maxVisualTokens = 0 }) => maxVisualTokens));
};

/** What a step trains on beside its own groups, at most. */
export interface GroupsBeside {
  /** Groups of earlier steps. */
  readonly kept: number;
  /** By trained auxiliary rollout: groups, one for each of the step's responses, and responses in each. */
  readonly made: readonly { readonly name: string; readonly groups: number; readonly responses: number }[];
}

/** @param responses of the step's own groups, together */
export function groupsBeside(
  { keptGroups, auxiliary }: Pick<Host, "keptGroups" | "auxiliary">,
  responses: number,
): GroupsBeside {
  const trained = [...auxiliary.values()].filter((rollout) => rollout.trained === true);
  return {
    kept: keptGroups.room().beside,
    made: trained.map(({ name, samples = 1 }) => ({ name, groups: responses, responses: samples })),
  };
}

/**
 * Whether the weights that the run began with are kept: for scores under them, or for views that read their attention.
 */
export function needsReference(host: Pick<Host, "views" | "scores">): boolean {
  const readsAttention = [...host.views.values()].some(({ attention }) => attention === true);
  const isReference = (weights: string | undefined): boolean => weights === "reference";
  return (
    readsAttention ||
    [...host.scores("rewards"), ...host.scores()].some(
      ({ weights, against }) => isReference(weights) || isReference(against?.weights),
    )
  );
}

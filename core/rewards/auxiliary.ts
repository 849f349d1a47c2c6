/**
 * Auxiliary rollouts: what the policy answers to a prompt made of its own response. They earn rewards, and may be
 * trained on.
 */
import type { AuxiliaryRollout } from "../contracts/registered/auxiliary.ts";
import type { Group, Prompt, Sample } from "../contracts/step/sample.ts";
import type { PromptProcessor } from "../contracts/policy.ts";
import { UnusableRowError } from "../contracts/step/unusable-row.ts";
import { marksProblem } from "../prompts/marks.ts";
import { asBadRow, withViews, type PromptMaker } from "../prompts/prompts.ts";
import { sampleGroups, type RolloutContext } from "./rollouts.ts";
import type { PromptParts } from "../contracts/registered/views.ts";

/** Responses of an auxiliary rollout by the sample that they belong to. */
export type AuxiliarySamples = ReadonlyMap<Sample, readonly Sample[]>;

export interface AuxiliaryContext extends RolloutContext {
  /** For the views of what is trained on. */
  readonly maker: PromptMaker;
  /** Called for a prompt of a trained rollout that is left out. */
  readonly onSkip: (what: string, reason: string) => void;
}

export interface AuxiliaryResult {
  readonly samples: AuxiliarySamples;
  /**
   * Of a trained rollout, in the order of the samples that they were made of; no scorer failed that asks to leave its
   * group out.
   */
  readonly made: readonly Group[];
}

/** Sample and judge one auxiliary rollout for all samples of a round, in one call of the engine. */
export async function runAuxiliary(
  rollout: AuxiliaryRollout,
  samples: readonly Sample[],
  place: { step: number; round: number },
  context: AuxiliaryContext,
): Promise<AuxiliaryResult> {
  const { name, trained = false, environments: answering = [] } = rollout;
  const asked: { readonly sample: Sample; readonly prompt: Prompt }[] = [];
  for (const sample of samples) {
    const parts = rollout.prompt(sample);
    const prompt =
      parts === null
        ? null
        : await auxiliaryPrompt(
            name,
            sample,
            parts,
            context.processor,
            trained ? { ...context, step: place.step } : null,
          );
    if (prompt !== null) asked.push({ sample, prompt });
  }
  const { sampling, turns = { environments: [] } } = context;
  const groups = await sampleGroups(
    asked.map(({ prompt }) => prompt),
    place,
    {
      ...context,
      turns: {
        ...turns,
        environments: turns.environments.filter((environment) => answering.includes(environment.name)),
      },
      shares: [{ view: "original", count: rollout.samples ?? 1 }],
      sampling: {
        ...sampling,
        maxNewTokens: rollout.maxNewTokens ?? sampling.maxNewTokens,
        temperature: rollout.temperature ?? sampling.temperature,
      },
      random: context.random.key("auxiliary", name),
      onSample: () => undefined,
    },
  );
  const whole = (group: Group): boolean => group.samples.every(({ dropped }) => dropped !== true);
  return {
    samples: new Map(asked.map(({ sample }, index) => [sample, groups[index]!.samples])),
    made: trained
      ? groups.flatMap((group, index) =>
          whole(group) ? [{ ...group, role: name, madeOf: asked[index]!.sample.prompt.key }] : [],
        )
      : [],
  };
}

type Training = Pick<AuxiliaryContext, "maker" | "onSkip"> & { readonly step: number };

/**
 * @param training null where nothing is trained on, so that the prompt needs no view but its own. @returns null for a
 * prompt that cannot be trained on
 */
async function auxiliaryPrompt(
  name: string,
  { prompt, response }: Sample,
  parts: PromptParts,
  processor: PromptProcessor,
  training: Training | null,
): Promise<Prompt | null> {
  const same = parts.pictures === prompt.pictures;
  const { history: _, ...own } = prompt.row;
  const row = {
    ...own,
    ...(parts.history === undefined ? {} : { history: parts.history }),
    prompt: parts.prompt,
    system: parts.system,
    images: same ? prompt.row.images : [],
  };
  const key = `${prompt.key}/${name}/${response.index}`;
  const { pictures } = parts;
  const encode = async () => {
    const encoded = same ? prompt.views.get("original")!.pictures : await processor.encodePictures(pictures);
    return { row, key, pictures, encoded, original: processor.encodePrompt(row, encoded) };
  };
  if (training === null)
    return encode().then(({ original }) => ({ key, row, pictures, views: new Map([["original", original]]) }));
  try {
    const made = await asBadRow(row, () => {
      const wrong = marksProblem({ ...row, images: pictures.map(({ source }) => source) });
      if (wrong !== null) throw new Error(wrong);
      return encode();
    });
    return await withViews({ ...made, step: training.step }, training.maker);
  } catch (error) {
    if (!(error instanceof UnusableRowError)) throw error;
    training.onSkip(`the prompt of "${name}" made of response ${response.index} to row "${row.id}"`, error.message);
    return null;
  }
}

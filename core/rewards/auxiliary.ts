/** Auxiliary rollouts: what the policy answers to a prompt made of its own response. They earn rewards and are not trained on. */
import type { AuxiliaryRollout } from "../contracts/auxiliary.ts";
import type { Prompt, Sample } from "../contracts/sample.ts";
import type { PromptProcessor } from "../contracts/policy.ts";
import { sampleGroups, type RolloutContext } from "./rollouts.ts";
import type { PromptParts } from "../contracts/views.ts";

/** Responses of an auxiliary rollout by the sample that they belong to. */
export type AuxiliarySamples = ReadonlyMap<Sample, readonly Sample[]>;

/** Sample and judge one auxiliary rollout for all samples of a round, in one call of the engine. */
export async function runAuxiliary(rollout: AuxiliaryRollout, samples: readonly Sample[], place: { step: number; round: number }, context: RolloutContext): Promise<AuxiliarySamples> {
  const asked: { readonly sample: Sample; readonly prompt: Prompt }[] = [];
  for (const sample of samples) {
    const parts = rollout.prompt(sample);
    if (parts !== null) asked.push({ sample, prompt: await auxiliaryPrompt(rollout.name, sample, parts, context.processor) });
  }
  const { sampling } = context;
  const groups = await sampleGroups(asked.map(({ prompt }) => prompt), place, {
    ...context,
    shares: [{ view: "original", count: rollout.samples ?? 1 }],
    sampling: { ...sampling, maxNewTokens: rollout.maxNewTokens ?? sampling.maxNewTokens, temperature: rollout.temperature ?? sampling.temperature },
    random: context.random.key("auxiliary", rollout.name),
    onSample: () => undefined,
  });
  return new Map(asked.map(({ sample }, index) => [sample, groups[index]!.samples]));
}

async function auxiliaryPrompt(name: string, { prompt, response }: Sample, parts: PromptParts, processor: PromptProcessor): Promise<Prompt> {
  const same = parts.pictures === prompt.pictures;
  const { history: _, ...own } = prompt.row;
  const row = { ...own, ...(parts.history === undefined ? {} : { history: parts.history }), prompt: parts.prompt, system: parts.system, images: same ? prompt.row.images : [] };
  const pictures = same ? prompt.views.get("original")!.pictures : await processor.encodePictures(parts.pictures);
  const original = processor.encodePrompt(row, pictures);
  return { key: `${prompt.key}/${name}/${response.index}`, row, pictures: parts.pictures, views: new Map([["original", original]]) };
}

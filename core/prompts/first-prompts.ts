/** The first prompts of a run, for what is looked at before it begins. */
import type { Dataset } from "../data/dataset.ts";
import { createRowOrder, type OrderPosition } from "../data/row-order.ts";
import type { Random } from "../math/random.ts";
import type { Prompt } from "../contracts/step/sample.ts";
import type { PromptProcessor } from "../contracts/policy.ts";
import type { RunSettings } from "../contracts/settings.ts";
import { makePrompt } from "./prompts.ts";
import { UnusableRowError } from "../contracts/step/unusable-row.ts";

export interface FirstPromptsOptions {
  readonly processor: PromptProcessor;
  /** The run's. */
  readonly random: Random;
  readonly settings: Pick<RunSettings, "maxPromptTokens">;
  /** Where the run is in its data. Default: at the beginning. */
  readonly position?: OrderPosition;
}

/**
 * So many prompts of usable rows, without views and without taking them from the run; fewer where there are no more.
 */
export async function firstPrompts(
  dataset: Dataset,
  wanted: number,
  { processor, random, settings, position }: FirstPromptsOptions,
): Promise<Prompt[]> {
  const order = createRowOrder(dataset, random.key("rows"), position);
  const maker = { processor, views: [], random, maxPromptTokens: settings.maxPromptTokens };
  const prompts: Prompt[] = [];
  for (let tries = 0; prompts.length < wanted && tries < dataset.size; tries++) {
    try {
      const row = await order.next();
      prompts.push(await makePrompt(row, row.id, 0, maker));
    } catch (error) {
      // The step decides, by the settings, whether such a row stops the run.
      if (!(error instanceof UnusableRowError)) throw error;
    }
  }
  return prompts;
}

/** Supervised training: the same learner, its loss the cross-entropy of given responses. */
import { DivergedError } from "../learner/diverged-error.ts";
import type { Learner } from "../learner/learner.ts";
import type { EncodedPrompt } from "../model/model.ts";
import { createRandom } from "../math/random.ts";
import type { Dataset } from "../data/dataset.ts";
import { createRowOrder } from "../data/row-order.ts";
import type { TextProcessor } from "../contracts/policy.ts";
import type { Row } from "../contracts/step/row.ts";
import { makePrompt } from "../prompts/prompts.ts";
import { UnusableRowError } from "../contracts/step/unusable-row.ts";
import type { RunSettings } from "../contracts/settings.ts";
import { type LearningRateSchedule, learningRateAt } from "./step/schedule.ts";

/** A prompt and the response to learn, its stop token included. */
export interface SupervisedExample {
  readonly prompt: EncodedPrompt;
  readonly response: Int32Array;
}

/** `steps` updates; see schedule.ts for the learning rate. */
export type SupervisedSettings = LearningRateSchedule;

export interface SupervisedStep {
  readonly step: number;
  readonly steps: number;
  /** −log π of the given tokens, mean over tokens, nats, before this step's update. */
  readonly loss: number;
  /** Share of given tokens with a probability above ½. */
  readonly confident: number;
  readonly gradientNorm: number;
  readonly learningRate: number;
}

/** Take one optimizer step per batch: loss = −Σ log π(token) / number of tokens, over the whole batch. */
export async function trainSupervised(options: {
  readonly learner: Learner;
  readonly batches: AsyncIterable<readonly SupervisedExample[]>;
  readonly settings: SupervisedSettings;
  readonly onStep: (step: SupervisedStep) => void | Promise<void>;
}): Promise<void> {
  const { learner, settings, onStep } = options;
  const { steps } = settings;
  let step = 0;
  for await (const examples of options.batches) {
    step++;
    const rows = examples.map(({ response }, prompt) => ({ prompt, tokens: response }));
    const tokens = rows.reduce((sum, row) => sum + row.tokens.length, 0);
    if (tokens === 0) throw new Error(`supervised step ${step}: the batch holds no response token to learn from`);
    const T = Math.max(...rows.map((row) => row.tokens.length));
    const cotangent = new Float32Array(rows.length * T);
    rows.forEach((row, b) => cotangent.fill(-1 / tokens, b * T, b * T + row.tokens.length));
    const { logProbs = cotangent } = await learner.backward(
      { prompts: examples.map(({ prompt }) => prompt), rows, temperature: 1 },
      { logProbs: cotangent },
    );
    const learningRate = learningRateAt(step, settings);
    const given = rows.flatMap((row, b) => [...logProbs.subarray(b * T, b * T + row.tokens.length)]);
    const loss = -given.reduce((sum, logProb) => sum + logProb, 0) / tokens;
    if (!Number.isFinite(loss))
      throw new DivergedError(
        `supervised step ${step}: the loss is ${loss}; lower the learning rate (it is ${learningRate})`,
      );
    const { gradientNorm } = await learner.step({ learningRate });
    await onStep({
      step,
      steps,
      loss,
      confident: given.filter((logProb) => logProb > Math.log(0.5)).length / tokens,
      gradientNorm,
      learningRate,
    });
    if (step >= steps) return;
  }
  if (step < steps)
    throw new Error(`the data ended after ${step} of ${steps} supervised steps; give more rows or fewer steps`);
}

/**
 * What is left to write after what the chat template writes at the start of every response: a response that begins with
 * the same, `<think>` say, would have it twice.
 */
function withoutOpening(response: string, opening: string): string {
  const [mark, own] = [opening.trim(), response.trimStart()];
  if (mark === "" || !own.startsWith(mark)) return response;
  const [rest, blank] = [own.slice(mark.length), opening.slice(opening.trimEnd().length)];
  return rest.startsWith(blank) ? rest.slice(blank.length) : rest;
}

/**
 * Endless batches of a dataset's rows, shuffled by seed. A row that cannot be used is an error, or with `onSkip` is
 * left out and told; when none of the dataset's rows can be used, that is an error.
 */
export async function* supervisedBatches(options: {
  readonly dataset: Dataset;
  readonly processor: TextProcessor;
  /** What the model should answer to a row. */
  readonly responseOf: (row: Row) => string;
  readonly settings: Pick<RunSettings, "seed" | "promptsPerStep" | "maxPromptTokens">;
  readonly onSkip?: (row: Row, reason: string) => void;
}): AsyncGenerator<SupervisedExample[]> {
  const { dataset, processor, responseOf, settings, onSkip } = options;
  const random = createRandom(settings.seed);
  const order = createRowOrder(dataset, random.key("rows"));
  const maker = { processor, views: [], random, maxPromptTokens: settings.maxPromptTokens };
  for (;;) {
    const batch: SupervisedExample[] = [];
    for (let skippedInARow = 0; batch.length < settings.promptsPerStep;) {
      const row = await order.next();
      try {
        const { views } = await makePrompt(row, row.id, 0, maker);
        batch.push({
          prompt: views.get("original") as EncodedPrompt,
          response: processor.encodeResponse(withoutOpening(responseOf(row), processor.opening)),
        });
        skippedInARow = 0;
      } catch (error) {
        if (!(error instanceof UnusableRowError) || !onSkip) throw error;
        onSkip(row, error.message);
        // So many draws in a row hold a whole pass over the data.
        if (++skippedInARow >= 2 * dataset.size - 1)
          throw new Error(
            `none of the ${dataset.size} rows of ${dataset.name} can be used; the last: ${error.message}`,
            { cause: error },
          );
      }
    }
    yield batch;
  }
}

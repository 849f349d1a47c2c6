/**
 * The starting model of the embedded task: trained with answers from an untrained one, in two stages. It sees well
 * enough to be right about half of the time, and mostly answers without reasoning it out, so that reinforcement
 * learning has something to find.
 */
import { cp, rm } from "node:fs/promises";
import {
  type Policy,
  type SupervisedExample,
  type SupervisedStep,
  type TextProcessor,
  trainSupervised,
} from "@papo/core";
import { startModelFolder } from "./start-model-folder.ts";
import { mixedGrids } from "./scene.ts";
import { curriculumKinds, supervisedExamples, type SupervisedOptions } from "./examples.ts";

export { startModelFolder };

/** One stretch of supervised training. */
export interface Stage {
  readonly name: string;
  readonly steps: number;
  readonly learningRate: number;
  readonly warmupSteps: number;
  /** Share of answers without reasoning. */
  readonly directShare: number;
  /** Begin with easy questions. */
  readonly curriculum: boolean;
}

export const batchSize = 64;

/** Sizes of the pictures that the shipped model knows: mostly 84 × 84, some narrower, wider and larger. */
export const pictureGrids = mixedGrids;

/** What made the shipped model. */
export const stages: readonly Stage[] = [
  { name: "reasoning", steps: 900, learningRate: 2e-3, warmupSteps: 50, directShare: 0, curriculum: true },
  { name: "mostly direct", steps: 200, learningRate: 6e-4, warmupSteps: 20, directShare: 0.7, curriculum: false },
];

export interface StageOptions {
  readonly policy: Policy & { readonly processor: TextProcessor };
  readonly stage: Stage;
  /** Index of the stage's first example: stages do not share pictures. */
  readonly start: number;
  readonly seed: number;
  readonly onStep: (step: SupervisedStep) => void;
}

export async function trainStage({ policy, stage, start, seed, onStep }: StageOptions): Promise<void> {
  const settings = { ...stage, decay: "cosine", finalFraction: 0.02 } as const;
  await trainSupervised({
    learner: policy.learner,
    batches: batches({ policy, stage, start, seed, onStep }),
    settings,
    onStep,
  });
}

/** The next batch is drawn while the learner works on this one. */
async function* batches({ policy, stage, start, seed }: StageOptions): AsyncGenerator<SupervisedExample[]> {
  const make = (step: number): Promise<SupervisedExample[]> => {
    const kinds = stage.curriculum ? { kinds: curriculumKinds(step / stage.steps) } : {};
    return encodedExamples(policy, {
      seed,
      start: start + step * batchSize,
      count: batchSize,
      directShare: stage.directShare,
      grids: pictureGrids,
      ...kinds,
    });
  };
  let next = make(0);
  for (let step = 1; step <= stage.steps; step++) {
    const batch = await next;
    next = make(step);
    yield batch;
  }
}

async function encodedExamples(
  { processor }: StageOptions["policy"],
  options: SupervisedOptions,
): Promise<SupervisedExample[]> {
  const examples = await supervisedExamples(options);
  return Promise.all(
    examples.map(async ({ row, picture, response }) => ({
      prompt: processor.encodePrompt(row, await processor.encodePictures([picture])),
      response: processor.encodeResponse(response),
    })),
  );
}

/** Where a clone runs from what was built of it. */
const built = /[\\/]node_modules[\\/]\.papo[\\/]node_modules[\\/]@papo(?=[\\/])/;

/** Put a trained model where commands find it, in the sources of the clone. @returns the place */
export async function publishStartModel(folder: string, shipped = startModelFolder): Promise<string> {
  const place = shipped.replace(built, "");
  await rm(place, { recursive: true, force: true });
  await cp(folder, place, { recursive: true });
  return place;
}

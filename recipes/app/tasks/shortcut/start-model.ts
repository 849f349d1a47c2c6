/**
 * What the shortcut tasks start from: the starting model of the shapes task, taught with answers to lean on the prior.
 * Its perception is there (a fifth of what it learns from is reasoned out from the picture) and mostly not used.
 */
import {
  learnerSettings,
  openPolicyInProcess,
  parseSettings,
  trainSupervised,
  type Policy,
  type SupervisedExample,
  type SupervisedStep,
  type TextProcessor,
} from "@papo/core";
import { sharedSprites } from "../shapes/examples.ts";
import { startModelFolder } from "../shapes/start-model.ts";
import type { PriorName } from "./priors.ts";
import { supervisedShortcut } from "./examples.ts";

/** Share of the answers to learn from that are the prior's, and share of the questions about which it is right. */
export const [leanShare, rightShare] = [0.8, 0.6];

/** Of no task's rows: the start is trained on scenes of its own. */
const exampleSeed = 11;

const batchSize = 64;

const settings = parseSettings({
  seed: 1,
  steps: 90,
  learningRate: 6e-4,
  warmupSteps: 10,
  decay: "cosine",
  finalFraction: 0.02,
  optimizer: { matrices: "muon", beta2: 0.98 },
});

export const startSteps = settings.steps;

/** Train it and write it to `<folder>/model`. One thread: the same bytes on one machine, whoever makes it. */
export async function makeShortcutStart(
  prior: PriorName,
  folder: string,
  onStep: (step: SupervisedStep) => void,
): Promise<void> {
  const policy = await openPolicyInProcess({ folder: startModelFolder, threads: 1, ...learnerSettings(settings) });
  try {
    await trainSupervised({ learner: policy.learner, batches: batches(policy, prior), settings, onStep });
    await policy.learner.save(folder, "export");
  } finally {
    await policy.close();
  }
}

async function* batches(
  { processor }: Policy & { readonly processor: TextProcessor },
  prior: PriorName,
): AsyncGenerator<SupervisedExample[]> {
  const sprites = await sharedSprites();
  const options = { prior, split: "train", seed: exampleSeed, rightShare, leanShare } as const;
  for (let step = 0; step < settings.steps; step++) {
    yield Promise.all(
      Array.from({ length: batchSize }, async (_, offset) => {
        const { row, picture, response } = supervisedShortcut(step * batchSize + offset, options, sprites);
        return {
          prompt: processor.encodePrompt(row, await processor.encodePictures([picture])),
          response: processor.encodeResponse(response),
        };
      }),
    );
  }
}

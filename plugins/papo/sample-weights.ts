import { rewardPart, type Batch } from "@papo/core";

/** "all" count the same; "correct_only": 1 and 0; "accuracy_weighted": 1 and 0.1 (earlier commits of the release). */
export const sampleWeightings = ["all", "correct_only", "accuracy_weighted"] as const;
export type SampleWeighting = (typeof sampleWeightings)[number];

/** A response is correct when its accuracy is above this, as in the release. */
const CORRECT = 0.1;

/** 1 for correct responses and 0 for wrong ones, [B]. @throws Error when the reward has no such part */
export function correctness({ samples }: Batch, metric: string): number[] {
  return samples.map((sample) => (rewardPart(sample, metric) > CORRECT ? 1 : 0));
}

/** [B]. */
export function sampleWeights(batch: Batch, weighting: SampleWeighting, metric: string): number[] {
  if (weighting === "all") return batch.samples.map(() => 1);
  return correctness(batch, metric).map((correct) => (correct === 1 ? 1 : weighting === "correct_only" ? 0 : 0.1));
}

/** The learning rate over a run. */
import type { RunSettings } from "../../contracts/settings.ts";

/** What the learning rate of a step depends on. */
export type LearningRateSchedule = Pick<
  RunSettings,
  "steps" | "learningRate" | "warmupSteps" | "decay" | "finalFraction"
>;

/**
 * Learning rate of a step (from 1): step/warmup of the full rate while warming up, so that the first step already
 * moves; then constant, or from full at the first step after the warm-up towards `finalFraction` just past the last
 * step.
 */
export function learningRateAt(step: number, schedule: LearningRateSchedule): number {
  const { steps, learningRate, warmupSteps, decay, finalFraction } = schedule;
  if (step <= warmupSteps) return (learningRate * step) / warmupSteps;
  if (decay === "constant") return learningRate;
  const progress = Math.min(1, (step - 1 - warmupSteps) / Math.max(1, steps - warmupSteps));
  const left = decay === "linear" ? 1 - progress : (1 + Math.cos(Math.PI * progress)) / 2;
  return learningRate * (finalFraction + (1 - finalFraction) * left);
}

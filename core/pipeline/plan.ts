/** What a run will compute, said and checked before the first step: what the learner holds, and what a step costs. */
import type { LearnerCapabilities } from "../learner/learner.ts";
import type { PlannedScore } from "../scores/scores.ts";
import type { View } from "../prompts/views.ts";
import type { RunSettings } from "./settings.ts";

const megabytes = (numbers: number): string => `${((4 * numbers) / 1e6).toFixed(1)} MB`;

/** Lines for a person. Memory is that of weights and optimizer; activations come on top and are bounded by the token settings. */
export function planLines(scores: readonly PlannedScore[], settings: RunSettings, { parameters, trained }: LearnerCapabilities): string[] {
  const active = scores.filter((score) => score.active);
  const reference = scores.some(({ weights }) => weights === "reference");
  const responses = settings.promptsPerStep * settings.samplesPerPrompt;
  const minibatches = Math.ceil(settings.promptsPerStep / (settings.promptsPerMinibatch ?? settings.promptsPerStep));
  const updates = minibatches * settings.epochs;
  // Whole-step passes: the old log-probs, unless the sampler's serve, and what else is scored once; what is scored for each minibatch, the first of
  // them for free on the original view.
  const sampled = settings.oldLogProbs === "sampler" && settings.parityPrompts > 0;
  const once = (sampled ? 0 : 1) + active.filter(({ weights }) => weights !== "current").length;
  const again = settings.epochs * (1 + active.filter(({ weights }) => weights === "current").length) - 1 / minibatches;
  const backward = settings.epochs * (1 + new Set(active.filter(({ gradient, view }) => gradient && view !== "original").map(({ view }) => view)).size);
  return [
    `learner: ${parameters.toLocaleString("en")} parameters, ${trained.toLocaleString("en")} of them trained; memory: weights ${megabytes(parameters)}` +
      `${reference ? `, reference ${megabytes(parameters)}` : ""}, gradient and moments ${megabytes(3 * trained)}`,
    `cost of a step: ${responses} responses sampled, scored ${shortest(once + again)} times, learned from ${shortest(backward)} time${backward === 1 ? "" : "s"}, in ${updates} update${updates === 1 ? "" : "s"}`,
  ];
}

/** What in the settings is allowed and seldom meant, a sentence each. */
export function settingWarnings({ promptsPerStep, promptsPerMinibatch }: RunSettings): string[] {
  if (promptsPerMinibatch === null || promptsPerStep % promptsPerMinibatch === 0) return [];
  if (promptsPerMinibatch > promptsPerStep) {
    return [`promptsPerMinibatch is ${promptsPerMinibatch} and a step has ${promptsPerStep} prompts, so that it makes one update; set promptsPerStep to what is meant`];
  }
  const [last, most] = [promptsPerStep % promptsPerMinibatch, promptsPerMinibatch];
  return [`minibatches of ${most} do not divide the ${promptsPerStep} prompts of a step: its last update is made of ${last} and weighs as much as the others`];
}

/** @throws Error naming the plugin and the array, or the view, when a learner cannot give what is needed. */
export function checkCapabilities(scores: readonly PlannedScore[], views: Iterable<View>, { outputs, attention }: LearnerCapabilities): void {
  for (const { name, attention: needed } of views) {
    if (needed === true && !attention) throw new Error(`The view "${name}" needs the attention of the policy's vision tower, which this learner does not give: use another learner, or leave the view out`);
  }
  for (const { output, view, plugins } of scores) {
    if (outputs.includes(output)) continue;
    throw new Error(`${plugins.join(", ")} needs the output "${output}" of the view "${view}", and this learner gives ${outputs.join(", ")} only: use another learner, or leave the plugin out`);
  }
}

const shortest = (count: number): string => String(Number(count.toFixed(1)));

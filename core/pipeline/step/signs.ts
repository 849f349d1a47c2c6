/** Signs in a step's numbers that a run is not what its user thinks it is; each is said once. */
import type { Host } from "../../host/host.ts";
import { ofPolicy } from "../../contracts/step/sample.ts";
import type { Collected } from "./collect.ts";
import type { Update } from "./update.ts";

/** Steps in a row whose advantages are all 0 before it is said. */
const ZERO_STEPS = 3;

/** Fewer tokens than this may have equal log-probs by chance. */
const MANY_TOKENS = 16;

/** What a run's steps have in common. */
export class StepSigns {
  readonly #host: Pick<Host, "warn" | "hooks" | "views">;
  #zeroSteps = 0;
  /** Whether the step has an advantage to learn from. */
  #learnable = false;
  /** Whether the policy of an earlier step gave its tokens different log-probs. */
  #varied = false;

  constructor(host: Pick<Host, "warn" | "hooks" | "views">) {
    this.#host = host;
  }

  /** What was sampled. */
  sampled({ sampled, surplus }: Collected, step: number): void {
    const prompts = sampled.map(({ prompt }) => prompt);
    const ofPictures = [...this.#host.views.values()]
      .filter((view) => view.prompt === undefined)
      .map(({ name }) => `"${name}"`);
    if (prompts.length > 0 && ofPictures.length > 0 && prompts.every(({ pictures }) => pictures.length === 0)) {
      this.#host.warn(
        `no prompt of step ${step} has a picture, so that the view ${ofPictures.join(", ")} is the original and what is made of it is 0; ` +
          "check which column of the data holds the pictures, or leave its plugins out",
        "no pictures",
      );
    }
    if (surplus > 0 && this.#host.hooks.groups.taps.length === 0) {
      const message = `step ${step} sampled ${surplus} groups more than promptsPerStep, and they are not trained on; let promptsPerRound divide it`;
      this.#host.warn(message, "surplus");
    }
    const empty = sampled.flatMap(({ samples }) => samples).find(({ response }) => response.tokens.length === 0);
    if (empty !== undefined) {
      this.#host.warn(
        `response ${empty.response.index} to row "${empty.prompt.row.id}" of step ${step} has no token, not even the one that ends it, so that nothing is learned from it; ` +
          "look at the rollout engine, and at the stop tokens",
        "empty response",
      );
    }
    this.#uniform(
      sampled.flatMap(({ samples }) => samples.map(({ response }) => ofPolicy(response.logProbs, response))),
      step,
    );
  }

  /** A policy that gave its tokens different log-probs and gives all of them the same now. */
  #uniform(logProbs: readonly Float32Array[], step: number): void {
    let [lowest, highest, count] = [Infinity, -Infinity, 0];
    for (const row of logProbs) {
      count += row.length;
      for (const value of row) [lowest, highest] = [Math.min(lowest, value), Math.max(highest, value)];
    }
    const uniform = count >= MANY_TOKENS && highest - lowest < 1e-4 && highest < -0.01;
    if (uniform && this.#varied) {
      this.#host.warn(
        `every token of step ${step} was sampled with the same log-prob, ${highest.toFixed(3)}: the policy is uniform, an update before has broken the weights; ` +
          "start again from an older checkpoint with a lower learning rate",
        "uniform",
      );
    }
    if (count >= MANY_TOKENS && !uniform) this.#varied = true;
  }

  /** A step's advantages, [B, T]. */
  advantages(values: Float32Array, step: number): void {
    this.#learnable = values.some((value) => value !== 0);
    this.#zeroSteps = values.every((value) => value === 0) ? this.#zeroSteps + 1 : 0;
    if (this.#zeroSteps < ZERO_STEPS) return;
    const cause =
      this.#host.hooks.advantages.taps.length === 0
        ? "no plugin gives advantages: list one in the recipe"
        : "the responses to each prompt all get the same reward: look at the rewards of some responses, and at how hard the task is";
    this.#host.warn(
      `all advantages were 0 in ${ZERO_STEPS} steps running, up to step ${step}, so that nothing is learned from rewards; ${cause}`,
      "zero advantages",
    );
  }

  /** A step's updates. */
  updated(updates: readonly Update[]): void {
    const [first] = updates;
    if (first === undefined) return;
    if (Object.keys(first.loss.terms).length > 0) this.#zeroGradient(updates);
    else
      this.#host.warn(
        "no plugin gives a term of the loss, so that nothing is learned: list an objective in the recipe",
      );
  }

  /** Advantages that reach no weight of the policy: every token has been given the weight 0. */
  #zeroGradient(updates: readonly Update[]): void {
    const weighing = [...new Set(this.#host.hooks.weights.taps.map(({ name }) => name))];
    if (!this.#learnable || weighing.length === 0 || updates.some(({ gradientNorm }) => gradientNorm !== 0)) return;
    this.#host.warn(
      `a step has advantages and all its gradients are 0, so that it learns nothing; look at what weighs its tokens: ${weighing.join(", ")}`,
      "zero gradient",
    );
  }
}

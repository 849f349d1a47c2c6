/** What plugins ask the learner to compute: requests are merged, bound to a coefficient, and planned before the run. */
import { attentionOf, attentionOutput } from "../learner/attention-output.ts";
import { isDivergence, type Output } from "../learner/learner.ts";
import { CURRENT_LOG_PROBS, OLD_LOG_PROBS, isActive, outputName, ownWeights } from "../contracts/registered/scores.ts";
import type { OtherSide, PlannedScore, ScoreHandle, ScoreRequest } from "../contracts/registered/scores.ts";
import type { View } from "../contracts/registered/views.ts";
import { PluginError } from "../messages/plugin-error.ts";

interface Asked {
  readonly handle: ScoreHandle;
  readonly plugin: string;
  readonly hint: string | undefined;
}

/** All score requests of a run. */
export class ScoreRequests {
  readonly #asked: Asked[] = [];

  /**
   * @throws PluginError when a gradient is wanted of weights that are not trained, or a target of responses in the
   * experience
   */
  request(plugin: string, request: ScoreRequest): ScoreHandle {
    const { view = "original", weights, gradient = false, stage = "experience", target = null, share = 1 } = request;
    const against = otherSide(plugin, request);
    const output = outputOf(plugin, request);
    if (gradient && (weights !== "current" || stage === "rewards")) {
      const which = stage === "rewards" ? 'scores of the stage "rewards"' : `the ${weights} weights`;
      throw new PluginError(
        plugin,
        `asks for a gradient through ${which}; only "current" weights in the experience have one`,
      );
    }
    if (!(share > 0 && share <= 1))
      throw new PluginError(plugin, `asks for a share of ${share} of the responses; it is above 0 and at most 1`);
    if (share < 1 && (gradient || stage === "rewards"))
      throw new PluginError(
        plugin,
        `asks for a share of the responses ${gradient ? "with a gradient" : 'in the stage "rewards"'}; only what is scored without one in the experience may be sampled`,
      );
    if (target !== null && stage !== "rewards")
      throw new PluginError(
        plugin,
        `asks for the target "${target.name}" in the experience; targets are scored in the stage "rewards"`,
      );
    const key = [view, weights, outputName({ output, against }), ...(target === null ? [] : [target.name])].join("/");
    const same = this.#asked.find(({ handle }) => handle.key === key && handle.request.stage === stage)?.handle;
    if (same !== undefined && target !== null && same.plugin !== plugin)
      throw new PluginError(plugin, `names a target "${target.name}", as ${same.plugin} does; choose another name`);
    const handle: ScoreHandle = {
      request: { view, weights, output, against, gradient, stage, target, share, while: request.while ?? null },
      key,
      plugin: same?.plugin ?? plugin,
    };
    this.#asked.push({ handle, plugin, hint: request.hint });
    return handle;
  }

  /**
   * The arrays of a stage to compute with today's coefficients, in the order they were first asked for, one per key.
   * The two arrays that every step has are not among those of the experience.
   */
  planned(stage: PlannedScore["stage"] = "experience"): PlannedScore[] {
    const byKey = new Map<string, Asked[]>();
    for (const asked of this.#asked.filter(({ handle }) => handle.request.stage === stage))
      byKey.set(asked.handle.key, [...(byKey.get(asked.handle.key) ?? []), asked]);
    const merged = [...byKey.values()].map(merge);
    return stage === "rewards"
      ? merged
      : merged.filter(({ key }) => key !== CURRENT_LOG_PROBS && key !== OLD_LOG_PROBS);
  }

  /**
   * @throws PluginError when a view is asked for that nobody registers, or that is not there yet in the request's stage
   */
  checkViews(registered: ReadonlyMap<string, View>, given: readonly string[]): void {
    for (const { handle, plugin, hint } of this.#asked) {
      const { view, stage, against } = handle.request;
      if (stage === "rewards" && registered.get(view)?.scope === "response") {
        throw new PluginError(
          plugin,
          `asks for the view "${view}" before rewards, and views of scope "response" are made after them; use one of scope "prompt"`,
        );
      }
      if (handle.request.gradient && registered.get(view)?.values !== undefined) {
        throw new PluginError(
          plugin,
          `asks for a gradient through the view "${view}", which changes values inside the decoder; such views are scored without one`,
        );
      }
      if (
        attentionOf(handle.request.output)?.kind === "pictureAttention" &&
        registered.get(view)?.values !== undefined
      ) {
        throw new PluginError(
          plugin,
          `asks for the attention to the picture of the view "${view}", which replaces part of what it gives; ask for that of the original`,
        );
      }
      const known = (name: string): boolean => name === "original" || registered.has(name) || given.includes(name);
      const unknown = [view, against?.view ?? "original"].find((name) => !known(name));
      if (unknown === undefined) continue;
      const there = ["original", ...registered.keys()].map((name) => `"${name}"`).join(", ");
      const advice = hint ?? "list a plugin that registers it in the recipe";
      throw new PluginError(
        plugin,
        `asks for the view "${unknown}", and no plugin registers it: ${advice} (registered are ${there})`,
      );
    }
  }

  /** @throws PluginError when weights are asked for that nobody keeps */
  checkWeights(copies: readonly string[]): void {
    const known = [...ownWeights, ...copies];
    for (const { handle, plugin } of this.#asked) {
      const unknown = [handle.request.weights, handle.request.against?.weights ?? "current"].find(
        (weights) => !known.includes(weights),
      );
      if (unknown !== undefined)
        throw new PluginError(
          plugin,
          `asks for the weights "${unknown}", and no plugin registers such a copy; there are ${known.join(", ")}`,
        );
    }
  }
}

/**
 * The output by its name; of attention with its layers.
 * @throws PluginError where these are missing, or given for another output
 */
function outputOf(plugin: string, { output = "logProbs", layers, heads = "all" }: ScoreRequest): Output {
  if (output === "pictureAttention" || output === "pictureAlignment") {
    if (layers === undefined)
      throw new PluginError(
        plugin,
        `asks for ${output} and does not say of which layers; add layers: [-1] for the last, or "all"`,
      );
    return attentionOutput({ kind: output, layers, heads });
  }
  if (layers !== undefined || heads !== "all")
    throw new PluginError(
      plugin,
      `asks for ${output} of some layers or heads; only pictureAttention and pictureAlignment have them`,
    );
  return output;
}

/**
 * What a divergence is from.
 * @throws PluginError where that is missing, given for another output, or not there when the scores are computed
 */
function otherSide(plugin: string, { weights, output = "logProbs", against, stage }: ScoreRequest): OtherSide | null {
  if (!isDivergence(output)) {
    if (against === undefined) return null;
    throw new PluginError(
      plugin,
      `asks for ${output} against something; only kl, reverseKl and jsd compare two distributions`,
    );
  }
  if (against === undefined)
    throw new PluginError(plugin, `asks for ${output} and does not say of what; add against: { view, weights }`);
  if (stage === "rewards")
    throw new PluginError(
      plugin,
      `asks for ${output} in the stage "rewards"; divergences are computed of the experience`,
    );
  const side = { view: against.view ?? "original", weights: against.weights ?? weights };
  if (weights === "current" && side.weights === "old") {
    throw new PluginError(
      plugin,
      `asks for ${output} of the current weights against the old ones, which are gone after the first update; ask against "current", or register a copy of the weights with decay 0`,
    );
  }
  if (weights !== "current" && side.weights === "current")
    throw new PluginError(
      plugin,
      `asks for ${output} of the ${weights} weights against the current ones; before the first update these are called "old"`,
    );
  return side;
}

function merge(asked: readonly Asked[]): PlannedScore {
  const active = asked.filter(({ handle }) => isActive(handle));
  const { key, request } = asked[0]!.handle;
  return {
    key,
    view: request.view,
    weights: request.weights,
    output: request.output,
    against: request.against,
    stage: request.stage,
    target: request.target,
    share: Math.max(...(active.length > 0 ? active : asked).map(({ handle }) => handle.request.share)),
    gradient: active.some(({ handle }) => handle.request.gradient),
    plugins: [...new Set(asked.map(({ plugin }) => plugin))],
    active: active.length > 0,
  };
}

/** One line for a person: what is computed, how often, for whom. */
export function describeScore(score: PlannedScore): string {
  const from =
    score.against === null
      ? ""
      : `, from that of the view "${score.against.view}" under the ${score.against.weights} weights`;
  const tokens = score.target === null ? "" : ` on the tokens "${score.target.name}"`;
  const what = `${score.output}${tokens} of the view "${score.view}" under the ${score.weights} weights${from}`;
  const often =
    score.stage === "rewards"
      ? "for every response, before rewards"
      : score.weights === "current"
        ? "for each minibatch"
        : "once per step";
  const gradient = score.gradient ? "with gradient" : "no gradient";
  const some = score.share < 1 ? `, ${Math.round(100 * score.share)} % of each prompt's responses` : "";
  return `${what}${some}, ${often}, ${gradient}, for ${score.plugins.join(", ")}${score.active ? "" : " (off while its coefficient is 0)"}`;
}

/** What plugins ask the learner to compute: requests are merged, bound to a coefficient, and planned before the run. */
import type { Coefficient } from "../host/coefficients.ts";
import { PluginError } from "../host/taps.ts";

/** A request for an array [B, T] that the policy (or a copy of it) gives for the batch's responses. */
export interface ScoreRequest {
  /** The view of the prompt; default "original". */
  readonly view?: string;
  /**
   * "current": the weights being trained, scored again for each minibatch; "old": the weights that sampled,
   * scored once per step before the first update; "reference": the weights at the run's start.
   */
  readonly weights: "current" | "old" | "reference";
  /** "logProbs": log π(token); "entropy": entropy of the full next-token distribution, nats. Default "logProbs". */
  readonly output?: "logProbs" | "entropy";
  /** Whether the loss may send a gradient back through it ("current" only). Default false. */
  readonly gradient?: boolean;
  /** While this coefficient is 0, nothing is computed and the array is all zeros. */
  readonly while?: Coefficient;
  /** What to do when no plugin registers the view, for the error message: "list … in the recipe". */
  readonly hint?: string;
}

/** Returned by `scores.request`; give it to `batch.get`. */
export interface ScoreHandle {
  readonly request: Required<Omit<ScoreRequest, "while" | "hint">> & { readonly while: Coefficient | null };
  /** Equal for requests of the same array, whether they want its gradient or not. */
  readonly key: string;
  /** The plugin that asked first. */
  readonly plugin: string;
}

/** One array to compute: requests with one key, merged. */
export interface PlannedScore {
  /** view/weights/output */
  readonly key: string;
  readonly view: string;
  readonly weights: "current" | "old" | "reference";
  readonly output: "logProbs" | "entropy";
  /** Whether one of the askers whose coefficient is not 0 wants its gradient. */
  readonly gradient: boolean;
  /** Everyone who asks, coefficient 0 or not. */
  readonly plugins: readonly string[];
  /** False while every asker's coefficient is 0: not to be computed. */
  readonly active: boolean;
}

/** The arrays that every step has: log-probs of the original view under the current and the old weights. */
export const CURRENT_LOG_PROBS = "original/current/logProbs";
export const OLD_LOG_PROBS = "original/old/logProbs";

interface Asked {
  readonly handle: ScoreHandle;
  readonly plugin: string;
  readonly hint: string | undefined;
}

/** Whether the handle's array is computed in this step. */
export function isActive({ request }: ScoreHandle): boolean {
  return request.while === null || request.while.value !== 0;
}

/** All score requests of a run. */
export class ScoreRequests {
  readonly #asked: Asked[] = [];

  /** @throws PluginError when a gradient is wanted of weights that are not trained */
  request(plugin: string, request: ScoreRequest): ScoreHandle {
    const { view = "original", weights, output = "logProbs", gradient = false } = request;
    if (gradient && weights !== "current") {
      throw new PluginError(plugin, `asks for a gradient through the ${weights} weights; only "current" weights have one`);
    }
    const key = `${view}/${weights}/${output}`;
    const first = this.#asked.find(({ handle }) => handle.key === key)?.handle.plugin ?? plugin;
    const handle: ScoreHandle = { request: { view, weights, output, gradient, while: request.while ?? null }, key, plugin: first };
    this.#asked.push({ handle, plugin, hint: request.hint });
    return handle;
  }

  /**
   * The arrays to compute with today's coefficients, in the order they were first asked for, one per key. The two arrays that
   * every step has are not among them.
   */
  planned(): PlannedScore[] {
    const byKey = new Map<string, Asked[]>();
    for (const asked of this.#asked) byKey.set(asked.handle.key, [...(byKey.get(asked.handle.key) ?? []), asked]);
    return [...byKey.values()].map(merge).filter(({ key }) => key !== CURRENT_LOG_PROBS && key !== OLD_LOG_PROBS);
  }

  /** @throws PluginError when a view is asked for that nobody registers */
  checkViews(registered: readonly string[], given: readonly string[]): void {
    for (const { handle, plugin, hint } of this.#asked) {
      const { view } = handle.request;
      if (view === "original" || registered.includes(view) || given.includes(view)) continue;
      const known = ["original", ...registered].map((name) => `"${name}"`).join(", ");
      const advice = hint ?? "list a plugin that registers it in the recipe";
      throw new PluginError(plugin, `asks for the view "${view}", and no plugin registers it: ${advice} (registered are ${known})`);
    }
  }
}

function merge(asked: readonly Asked[]): PlannedScore {
  const active = asked.filter(({ handle }) => isActive(handle));
  const { key, request } = asked[0]!.handle;
  return {
    key,
    view: request.view,
    weights: request.weights,
    output: request.output,
    gradient: active.some(({ handle }) => handle.request.gradient),
    plugins: [...new Set(asked.map(({ plugin }) => plugin))],
    active: active.length > 0,
  };
}

/** One line for a person: what is computed, how often, for whom. */
export function describeScore(score: PlannedScore): string {
  const what = `${score.output} of the view "${score.view}" under the ${score.weights} weights`;
  const often = score.weights === "current" ? "for each minibatch" : "once per step";
  const gradient = score.gradient ? "with gradient" : "no gradient";
  return `${what}, ${often}, ${gradient}, for ${score.plugins.join(", ")}${score.active ? "" : " (off while its coefficient is 0)"}`;
}

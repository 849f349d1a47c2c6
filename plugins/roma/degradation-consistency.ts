import {
  clippedSurrogate,
  detach,
  klDivergence,
  maskedMean,
  maskedShare,
  overTokens,
  parseOptions,
  probabilityRatio,
  reductions,
  rewardPart,
} from "@papo/core";
import type { Minibatch, Plugin, Run } from "@papo/core";
import { add, mul, tensor2d } from "@tensorflow/tfjs-core";
import type { Tensor2D } from "@tensorflow/tfjs-core";
import { z } from "zod";

const schema = z.strictObject({
  /** The views with a degraded picture; each costs a pass forward and back. */
  views: z.array(z.string()).min(1).default(["noisy", "noisy:strong"]),
  /** Weight of the divergence from the worst view; 0 leaves it out. */
  consistency: z.number().nonnegative().default(0.01),
  /** Weight of the policy gradient through the worst view; 0 leaves it out. */
  policy: z.number().nonnegative().default(0.1),
  /** The worst view is chosen for each "response", by its mean divergence, or for each "token". */
  worst: z.enum(["response", "token"]).default("response"),
  /** The part of the reward that says whether a response is right: the divergence of others does not count. */
  accuracy: z.string().default("accuracy"),
  /** A response is right when that part is above this. */
  threshold: z.number().default(0.1),
  /** ε_low of the policy gradient through the view. */
  clipLow: z.number().positive().max(1).default(0.2),
  /** ε_high of the same. */
  clipHigh: z.number().positive().default(0.28),
  /** How tokens are averaged. */
  reduction: z.enum(reductions).default("token_mean"),
});

/**
 * loss ← loss + λ·1[right]·k3(sg(π), π_v) + α·max(−r_v·A, −clip(r_v)·A), r_v = π_v / π_old: responses to the clean
 * picture are read again under degraded ones, v the view in which they are least likely to be the same; right responses
 * must stay as likely there, and the advantages of the clean picture train both (ROMA, arXiv:2605.09262). Built from
 * its abstract: a token-level surrogate KL against the worst augmentation, an auxiliary policy-gradient loss with clean
 * advantages, and regularization of right responses alone; estimator, choice of the worst view, ratio and weights are
 * not given there. List one view plugin several times for the views: `labelled(new DiffusionNoisePlugin(…), "strong")`
 * makes "noisy:strong".
 *
 * Metrics: roma/divergence, the mean divergence from the worst view over tokens; roma/right, the share of tokens of
 * right responses; roma/worst_first, the share of tokens whose worst view is the first of the list.
 */
export class DegradationConsistencyPlugin implements Plugin {
  readonly name = "DegradationConsistencyPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ hooks, scores, coefficient, metric }: Run): void {
    const { views, consistency, policy, reduction } = this.options;
    const [lambda, alpha] = [coefficient("roma/consistency", consistency), coefficient("roma/policy", policy)];
    const hint = 'list a view plugin for it: labelled(new DiffusionNoisePlugin(), "strong") makes "noisy:strong"';
    const asked = views.map((view) =>
      [lambda, alpha].map((bound) => scores.request({ view, weights: "current", gradient: true, while: bound, hint })),
    );
    hooks.terms.tap(this.name, (terms, batch) => {
      const bound = lambda.value !== 0 ? 0 : 1;
      if (lambda.value === 0 && alpha.value === 0) return terms;
      const seen = asked.map((handles) => batch.get(handles[bound]!)); // [B, T] each
      const choice = worstOf(seen, batch, this.options.worst); // [B · T]
      const worst = chosen(seen, choice, batch); // log π_v, [B, T]
      const right = overTokens(
        batch.samples.map((sample) => Number(rewardPart(sample, this.options.accuracy) > this.options.threshold)),
        batch,
      );
      const divergence = klDivergence("k3", detach(batch.logProbs), worst);
      metric("roma/divergence", maskedMean(divergence, batch.mask));
      metric("roma/right", maskedMean(right, batch.mask));
      metric(
        "roma/worst_first",
        maskedShare(batch.mask, (at) => choice[at] === 0),
      );
      return [
        ...terms,
        { name: "roma/consistency", coefficient: lambda, reduction, value: mul<Tensor2D>(divergence, right) },
        {
          name: "roma/degraded_policy",
          coefficient: alpha,
          reduction,
          value: clippedSurrogate(probabilityRatio(worst, batch.oldLogProbs, 20), batch.advantages, this.options),
        },
      ];
    });
  }
}

/** Log-probs of the view that was chosen for each token, [B, T]; the choice is a constant. */
function chosen(seen: readonly Tensor2D[], choice: readonly number[], { B, T }: Minibatch): Tensor2D {
  return seen
    .map((view, index) =>
      mul<Tensor2D>(
        view,
        tensor2d(
          choice.map((of) => Number(of === index)),
          [B, T],
        ),
      ),
    )
    .reduce((a, b) => add<Tensor2D>(a, b));
}

/** The index of the view with the largest divergence, [B · T]; of equals the first. */
function worstOf(seen: readonly Tensor2D[], { logProbs, mask, B, T }: Minibatch, by: "response" | "token"): number[] {
  const m = mask.dataSync();
  const divergences = seen.map((view) => klDivergence("k3", detach(logProbs), detach(view)).dataSync());
  const means = divergences.map((k) =>
    Array.from({ length: B }, (_, row) =>
      maskedMean(k.subarray(row * T, row * T + T), m.subarray(row * T, row * T + T)),
    ),
  );
  const largest = (of: (view: number) => number): number =>
    seen.reduce((best, _, view) => (of(view) > of(best) ? view : best), 0);
  return Array.from({ length: B * T }, (_, at) =>
    largest((view) => (by === "token" ? divergences[view]![at]! : means[view]![Math.floor(at / T)]!)),
  );
}

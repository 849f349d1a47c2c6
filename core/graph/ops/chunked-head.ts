/**
 * Log-probs and entropies from hidden states, a stretch of the vocabulary at a time: logits [rows, vocabulary] never
 * exist whole.
 */
import { at } from "../dims.ts";
import type { Value } from "../graph.ts";
import { add, exp, log, mul, neg, sub, withGradient } from "./elementwise.ts";
import { logits } from "./linear.ts";
import { matmul } from "./matmul.ts";
import { maxLast } from "./reduce.ts";
import { sumLast } from "./broadcast.ts";
import { gatherRows, scatterAddRows } from "./rows.ts";
import { concat, reshape, split } from "./shape.ts";

export interface ChunkedHead {
  /** log softmax(h·Wᵀ)[target], [M]. */
  readonly logProb: (targets: Value) => Value;
  /** Entropy of softmax(h·Wᵀ), nats, [M]. */
  readonly entropy: () => Value;
}

/**
 * The head over hidden states [M, D] and weights [V, D]. Pass and pass back each compute the logits of a chunk, use
 * them and let go of them.
 * @param chunk tokens of the vocabulary at a time
 * @param one a value [1] that is fed as 1 when the graph runs: multiplied with it, the second computation is not the
 * first one again to a compiler
 */
export function chunkedHead(
  hidden: Value,
  weight: Value,
  { chunk, one }: { readonly chunk: number; readonly one: Value },
): ChunkedHead {
  const V = at(weight.shape, 0);
  if (typeof V !== "number") throw new Error("the head needs a vocabulary of fixed size");
  const sizes = Array.from({ length: Math.ceil(V / chunk) }, (_, i) => Math.min(chunk, V - i * chunk));
  const parts = split(weight, sizes, 0);
  const M = at(hidden.shape, 0);

  // Sums relative to each chunk's own largest logit, brought together relative to the largest of all.
  const stretches = parts.map((part) => {
    const scores = logits(hidden, part);
    const largest = maxLast(scores); // [M, 1]
    const below = sub(scores, largest);
    const masses = exp(below);
    return { largest, mass: sumLast(masses), weighted: sumLast(mul(masses, below)) };
  });
  const largest = concat(
    stretches.map((stretch) => stretch.largest),
    1,
  ); // [M, chunks]
  const top = maxLast(largest);
  const distances = sub(largest, top);
  const scales = exp(distances);
  const masses = concat(
    stretches.map(({ mass }) => mass),
    1,
  );
  const total = sumLast(mul(masses, scales));
  const logTotal = add(top, log(total)); // log Σ exp logits, [M, 1]

  /**
   * Cotangents of hidden states and weights, where `rule` gives a chunk's d loss / d logits from its probabilities and
   * log-probs.
   */
  const back = (rule: (p: Value, logP: Value) => Value): { readonly dHidden: Value; readonly dWeight: Value } => {
    const again = mul(hidden, one);
    const pieces = parts.map((part) => {
      const logP = sub(logits(again, part), logTotal);
      const cotangent = rule(exp(logP), logP); // [M, chunk]
      return { dHidden: matmul(cotangent, part), dPart: matmul(cotangent, hidden, { transposeA: true }) };
    });
    return {
      dHidden: pieces.map(({ dHidden }) => dHidden).reduce(add),
      dWeight: concat(
        pieces.map(({ dPart }) => dPart),
        0,
      ),
    };
  };

  return {
    logProb: (targets) => {
      const rows = gatherRows(weight, targets);
      const value = sub(sumLast(mul(hidden, rows)), logTotal);
      const rule = (dy: Value): readonly Value[] => {
        const { dHidden, dWeight } = back((p) => mul(p, neg(dy)));
        return [add(dHidden, mul(rows, dy)), scatterAddRows(dWeight, targets, mul(hidden, dy))];
      };
      return reshape(withGradient(value, [hidden, weight], rule), [M]);
    },
    entropy: () => {
      const weighted = add(
        concat(
          stretches.map((stretch) => stretch.weighted),
          1,
        ),
        mul(distances, masses),
      );
      const mean = mul(sumLast(mul(weighted, scales)), exp(neg(log(total)))); // Σ p · (logit − top)
      const value = sub(log(total), mean);
      const rule = (dy: Value): readonly Value[] => {
        const { dHidden, dWeight } = back((p, logP) => mul(mul(p, add(logP, value)), neg(dy)));
        return [dHidden, dWeight];
      };
      return reshape(withGradient(value, [hidden, weight], rule), [M]);
    },
  };
}

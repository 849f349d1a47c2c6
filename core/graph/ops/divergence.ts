/**
 * Divergences of two full next-token distributions, from hidden states and heads, a stretch of the vocabulary at a
 * time.
 */
import { at } from "../dims.ts";
import type { Value } from "../graph.ts";
import { add, affine, exp, log, mul, neg, sigmoid, sub, withGradient } from "./elementwise.ts";
import { logits } from "./linear.ts";
import { matmul } from "./matmul.ts";
import { maxLast } from "./reduce.ts";
import { sumLast } from "./broadcast.ts";
import { concat, reshape, split } from "./shape.ts";

/**
 * With π the distribution that is scored and q the other one, nats: "kl", KL[π ‖ q]; "reverseKl", KL[q ‖ π]; "jsd", the
 * Jensen–Shannon divergence ½·KL[π ‖ m] + ½·KL[q ‖ m], m = (π + q) / 2, at most log 2.
 */
export type Divergence = "kl" | "reverseKl" | "jsd";

/** What logits are made of: they are hidden · weightᵀ. */
export interface HeadInput {
  /** [M, D], D its own. */
  readonly hidden: Value;
  /** [V, D], the V of both. */
  readonly weight: Value;
}

export interface DivergenceOptions {
  /** Tokens of the vocabulary at a time. */
  readonly chunk: number;
  /** A value [1] that is fed as 1 when the graph runs; see chunkedHead. */
  readonly one: Value;
}

/** π and q of a chunk, logs and their difference, [M, chunk]. */
interface Both {
  readonly p: Value;
  readonly q: Value;
  readonly difference: Value;
}

/** What a divergence sums over the vocabulary, and d divergence / d logits of π from those sums, [M, 1] each. */
interface Formula {
  readonly summands: (both: Both) => readonly Value[];
  readonly value: (sums: readonly Value[]) => Value;
  readonly slope: (both: Both, sums: readonly Value[]) => Value;
}

/** Keeps log(2·σ(d)) finite where a token has no mass in one of the two. */
const tiny = 1e-30;
/** log(2·π / (π + q)) with d = log π − log q. */
const shareOf = (difference: Value): Value => log(affine(sigmoid(difference), 2, tiny));

const formulas: Readonly<Record<Divergence, Formula>> = {
  kl: {
    summands: ({ p, difference }) => [mul(p, difference)],
    value: ([sum]) => sum!,
    slope: ({ p, difference }, [sum]) => mul(p, sub(difference, sum!)),
  },
  reverseKl: {
    summands: ({ q, difference }) => [neg(mul(q, difference))],
    value: ([sum]) => sum!,
    slope: ({ p, q }) => sub(p, q),
  },
  jsd: {
    summands: ({ p, q, difference }) => [mul(p, shareOf(difference)), mul(q, shareOf(neg(difference)))],
    value: ([own, other]) => affine(add(own!, other!), 0.5),
    slope: ({ p, difference }, [own]) => affine(mul(p, sub(shareOf(difference), own!)), 0.5),
  },
};

/**
 * A divergence of softmax(own) and softmax(other) for each row, nats, [M]. The other side is a constant; gradients go
 * to `own` alone. Each pass over the vocabulary computes the logits of a chunk, uses them and lets go of them, so that
 * logits [M, V] never exist whole where V is more than a chunk.
 */
export function divergence(
  kind: Divergence,
  own: HeadInput,
  other: HeadInput,
  { chunk, one }: DivergenceOptions,
): Value {
  const V = at(own.weight.shape, 0);
  if (typeof V !== "number" || V !== at(other.weight.shape, 0))
    throw new Error("a divergence needs two vocabularies of one fixed size");
  const sizes = Array.from({ length: Math.ceil(V / chunk) }, (_, i) => Math.min(chunk, V - i * chunk));
  const [ownParts, otherParts] = [split(own.weight, sizes, 0), split(other.weight, sizes, 0)];
  // One chunk is kept; several are computed again, which is not the first computation again to a compiler.
  const again = (hidden: Value, times: number): Value =>
    sizes.length === 1 ? hidden : Array.from({ length: times }).reduce<Value>((x) => mul(x, one), hidden);
  const [ownTotal, otherTotal] = [logTotal(own.hidden, ownParts), logTotal(other.hidden, otherParts)];
  const both = (times: number, index: number): Both => {
    const logP = sub(logits(again(own.hidden, times), ownParts[index]!), ownTotal);
    const logQ = sub(logits(again(other.hidden, times), otherParts[index]!), otherTotal);
    return { p: exp(logP), q: exp(logQ), difference: sub(logP, logQ) };
  };
  const { summands, value, slope } = formulas[kind];
  const perChunk = sizes.map((_, index) => summands(both(1, index)).map(sumLast));
  const sums = perChunk[0]!.map((_, which) => perChunk.map((chunkSums) => chunkSums[which]!).reduce(add)); // [M, 1] each
  const rule = (dy: Value): readonly Value[] => {
    const pieces = sizes.map((_, index) => {
      const cotangent = mul(slope(both(2, index), sums), dy); // [M, chunk]
      return {
        dHidden: matmul(cotangent, ownParts[index]!),
        dPart: matmul(cotangent, own.hidden, { transposeA: true }),
      };
    });
    return [
      pieces.map(({ dHidden }) => dHidden).reduce(add),
      concat(
        pieces.map(({ dPart }) => dPart),
        0,
      ),
    ];
  };
  return reshape(withGradient(value(sums), [own.hidden, own.weight], rule), [at(own.hidden.shape, 0)]);
}

/**
 * log Σ exp logits, [M, 1]: sums relative to each chunk's own largest logit, brought together relative to the largest
 * of all.
 */
function logTotal(hidden: Value, parts: readonly Value[]): Value {
  const stretches = parts.map((part) => {
    const scores = logits(hidden, part);
    const largest = maxLast(scores);
    return { largest, mass: sumLast(exp(sub(scores, largest))) };
  });
  const largest = concat(
    stretches.map((stretch) => stretch.largest),
    1,
  );
  const top = maxLast(largest);
  return add(
    top,
    log(
      sumLast(
        mul(
          concat(
            stretches.map(({ mass }) => mass),
            1,
          ),
          exp(sub(largest, top)),
        ),
      ),
    ),
  );
}

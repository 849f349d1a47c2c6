/**
 * Attention in which what some queries read most is replaced (model.ts, ValueChange), of probabilities that are there
 * whole; in blocks: block-attention.ts.
 */
import { type Dim } from "../dims.ts";
import type { Value } from "../graph.ts";
import { sum, sumLast } from "./broadcast.ts";
import { add, affine, div, mul, sigmoid, sqrt, sub } from "./elementwise.ts";
import { matmul } from "./matmul.ts";
import { reshape } from "./shape.ts";

/**
 * What is known of a row of attention that changes values: 1 for visual tokens, whose values may be replaced; 1 for
 * queries that read replaced ones; and the standard deviations above the mean from which they do.
 */
export const changeFields = ["visual", "changes", "deviations"] as const;

/** Probabilities up to this are not seen. */
export const leastSeen = 1e-8;

/** What is above a limit is above it by this. */
export const leastAbove = 6e-11;

export interface ChangedProbabilities {
  /** Probabilities, with axes of heads, queries and keys among them. */
  readonly p: Value;
  /** Fields of keys and queries, of sizes that broadcast to `p`. */
  readonly visual: Value;
  readonly changes: Value;
  readonly deviations: Value;
  /** Axes of heads and keys. */
  readonly over: readonly number[];
}

/**
 * What stays of the probabilities, what of them is replaced, and 1 where a key is seen, all of the shape of `p`; no
 * gradient through the choice.
 */
export function changedProbabilities({ p, visual, changes, deviations, over }: ChangedProbabilities): {
  readonly kept: Value;
  readonly replaced: Value;
  readonly seen: Value;
} {
  const seen = mul(above(affine(p, 1, -leastSeen)), visual);
  const shape: readonly Dim[] = p.shape.map((dim, axis) => (over.includes(axis) ? 1 : dim));
  const total = (x: Value): Value => reshape(sum(x, over), shape);
  const count = atLeastOne(total(seen));
  const mean = div(total(mul(p, seen)), count);
  const off = mul(sub(p, mean), seen);
  const deviation = sqrt(div(total(mul(off, off)), atLeastOne(affine(count, 1, -1))));
  const chosen = mul(mul(above(sub(off, mul(deviation, deviations))), seen), changes);
  const replaced = mul(p, chosen);
  return { kept: sub(p, replaced), replaced, seen };
}

/**
 * Σ over keys of what replaces: [..., queries, 1]; value means [..., keys, 1], of each key over the numbers of its
 * value.
 */
export const replacement = (replaced: Value, seen: Value, valueMeans: Value): Value =>
  mul(sumLast(replaced), div(matmul(seen, valueMeans), atLeastOne(sumLast(seen))));

/** 1 where x is above 0, by `leastAbove`, else 0: a step that executors have no op for. */
const above = (x: Value): Value => sigmoid(affine(x, steepness, -steepness * leastAbove));

/** So that a sigmoid is 0 or 1 within half of `leastAbove`. */
const steepness = 1e12;

/** Whole numbers, 1 in the place of 0. */
const atLeastOne = (count: Value): Value => add(count, above(affine(count, -1, 0.5)));

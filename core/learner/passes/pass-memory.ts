/** How a batch of long rows is cut so that what a pass holds at a time stays bounded. */
import { evaluate, sizeOf } from "../../graph/dims.ts";
import type { Feeds, FileType } from "../../graph/executor.ts";
import type { Graph } from "../../graph/graph.ts";
import { symbolsOf } from "../../graph/onnx/executor.ts";
import { peakBytes } from "../../graph/onnx/peak.ts";
import type { ParameterShapes } from "../../model/model.ts";
import type { LearnerBatch } from "../learner.ts";
import { type Microbatch, microbatches, paddedTokens } from "./microbatches.ts";

export interface PassWeights {
  /** Parameters that stay in files, and their types there. */
  readonly files: ReadonlyMap<string, FileType>;
  /** Outputs that are added to arrays that are there; none given: outputs are returned. */
  readonly sums?: ReadonlySet<string>;
  /** See PeakOptions. */
  readonly sumsGrow?: boolean;
}

/**
 * Bytes that a program holds on onnxruntime's processor, and is fed beside parameters. Outputs that are returned exist
 * twice: the binding copies them.
 */
export function passBytes(graph: Graph, feeds: Feeds, { files, sums, sumsGrow = false }: PassWeights): number {
  const sizes = symbolsOf(graph, feeds);
  const fed = Object.entries(feeds).reduce(
    (sum, [name, { shape }]) => sum + (graph.inputs.has(name) ? 4 * shape.reduce((a, b) => a * b, 1) : 0),
    0,
  );
  return (
    peakBytes(graph, { sizes, files, sumsGrow, ...(sums === undefined ? {} : { sums }) }) +
    fed +
    (sums === undefined ? outputBytes(graph, sizes) : 0)
  );
}

export const outputBytes = (graph: Graph, sizes: ReadonlyMap<string, number>): number =>
  [...graph.outputs.values()].reduce((sum, { shape }) => sum + 4 * evaluate(sizeOf(shape), sizes), 0);

/**
 * What a pass over long rows may hold where it can be cut: what training holds anyway (weights, gradient and two
 * moments of trained numbers), or the weights in float32, 512 MiB at least. It follows from the model alone, so that a
 * resumed run computes in the same passes.
 */
export function passLimit(parameters: ParameterShapes, trained: ReadonlySet<string>): number {
  const numbers = (wanted: (name: string) => boolean): number =>
    [...parameters].reduce((sum, [name, shape]) => sum + (wanted(name) ? shape.reduce((a, b) => a * b, 1) : 0), 0);
  return Math.max(2 ** 29, 4 * numbers(() => true), 16 * numbers((name) => trained.has(name)));
}

/** Padded tokens that keep the cores busy: smaller passes would take longer. */
const fewestTokens = 2560;

/**
 * A smaller pass that holds more than this share of a larger one's bytes is not worth what both compute twice, the
 * prompt.
 */
const worthCutting = 0.8;

export interface PassChoice {
  readonly cut: readonly Microbatch[];
  /** Of the pass that has the most tokens. */
  readonly largest: Microbatch;
  readonly bytes: number;
}

/**
 * Passes of at most `tokens` padded tokens, and of fewer where a pass holds more than `limit`.
 * @param bytesOf a pass
 */
export function boundedPasses(
  batch: LearnerBatch,
  tokens: number,
  limit: number,
  bytesOf: (pass: Microbatch) => number,
): PassChoice {
  const choose = (most: number): PassChoice & { readonly tokens: number } => {
    const cut = microbatches(batch, most);
    const sizes = cut.map(({ groups }) => paddedTokens(batch, groups));
    const size = Math.max(...sizes);
    const largest = cut[sizes.indexOf(size)]!;
    return { cut, largest, bytes: bytesOf(largest), tokens: size };
  };
  let chosen = choose(tokens);
  while (chosen.bytes > limit && chosen.tokens > fewestTokens) {
    const smaller = choose(Math.max(fewestTokens, Math.floor((chosen.tokens * limit) / chosen.bytes)));
    if (smaller.tokens >= chosen.tokens || smaller.bytes > worthCutting * chosen.bytes) break;
    chosen = smaller;
  }
  return chosen;
}

export interface BackwardChoice extends PassChoice {
  readonly recompute: boolean;
}

/**
 * The same of a pass back: where a pass is still too large, layers are computed again.
 * @param bytesOf a pass, recomputing or not
 */
export function boundedBackward(
  batch: LearnerBatch,
  { tokens, limit, recompute }: { readonly tokens: number; readonly limit: number; readonly recompute: boolean },
  bytesOf: (pass: Microbatch, recompute: boolean) => number,
): BackwardChoice {
  if (!recompute) {
    const plain = boundedPasses(batch, tokens, limit, (pass) => bytesOf(pass, false));
    if (plain.bytes <= limit) return { ...plain, recompute };
  }
  return { ...boundedPasses(batch, tokens, limit, (pass) => bytesOf(pass, true)), recompute: true };
}

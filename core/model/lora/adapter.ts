/**
 * Low-rank adapters (LoRA, arXiv:2106.09685): which weights have one, and what its parameters are. W + scale · B·A in
 * place of W.
 */
import { createRandom } from "../../math/random.ts";
import type { Shapes } from "../files/folder.ts";
import type { Weights } from "../model.ts";

export interface AdaptedWeight {
  readonly rank: number;
  /** alpha / rank, or alpha / √rank (rsLoRA, arXiv:2312.03732). */
  readonly scale: number;
}

/** One adapter of a model. */
export interface Adapter {
  /** Tells its parameters from those of others on the same weights; "" for the one that is trained. */
  readonly name: string;
  /** By name of the weight, [out, in]. */
  readonly weights: ReadonlyMap<string, AdaptedWeight>;
  /** Probability that a number that A reads is dropped while the adapter learns. */
  readonly dropout: number;
}

/** The module of a weight: its name without the last part. */
export const moduleOf = (weight: string): string => weight.slice(0, weight.lastIndexOf("."));

/** Names of A [rank, in] and B [out, rank] of a weight. */
export function factorNames(weight: string, adapter = ""): { readonly a: string; readonly b: string } {
  const name = (factor: string): string => `${moduleOf(weight)}.${factor}${adapter === "" ? "" : `.${adapter}`}.weight`;
  return { a: name("lora_A"), b: name("lora_B") };
}

/** Shapes of an adapter's parameters by name. @param shapes of the model's weights */
export const adapterShapes = (adapter: Adapter, shapes: Shapes): Map<string, readonly number[]> =>
  new Map(factorsOf(adapter, shapes).flatMap(({ a, b }) => [a, b]));

/** An adapter that changes nothing yet: A uniform in ±1 / √in, as PEFT draws it, by its name and the seed; B zero. */
export function initialAdapter(adapter: Adapter, shapes: Shapes, seed: number): Weights {
  const random = createRandom(seed).key("lora");
  return new Map(
    factorsOf(adapter, shapes).flatMap(({ a: [a, [rank, width]], b: [b, [out]] }) => {
      const [draws, bound] = [random.key(a), 1 / Math.sqrt(width)];
      const drawn = Float32Array.from({ length: rank * width }, (_, i) => (2 * draws.uniform(i) - 1) * bound);
      return [
        [a, { shape: [rank, width], data: drawn }],
        [b, { shape: [out, rank], data: new Float32Array(out * rank) }],
      ];
    }),
  );
}

type Factor = readonly [name: string, shape: readonly [rows: number, columns: number]];

function factorsOf({ name, weights }: Adapter, shapes: Shapes): { readonly a: Factor; readonly b: Factor }[] {
  return [...weights].map(([weight, { rank }]) => {
    const [out, width] = shapes.get(weight) as [number, number];
    const { a, b } = factorNames(weight, name);
    return { a: [a, [rank, width]], b: [b, [out, rank]] };
  });
}

/** The input of a graph that a weight's mask is drawn by. */
export const dropoutKeyName = (weight: string): string => `dropout of ${weight}`;

/**
 * The seed of a weight's mask in one pass back: two 32-bit words, which follow from the numbers of the update and of
 * the pass alone.
 */
export function dropoutKey(
  seed: number,
  weight: string,
  place: { readonly version: number; readonly pass: number },
): Int32Array {
  return Int32Array.from(createRandom(seed).key("lora dropout", place.version, place.pass, weight).words);
}

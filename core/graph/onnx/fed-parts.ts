/**
 * Stretches of what is fed, along its first axis: where they lie one after the other, each is an input of its own and
 * is fed from the same memory. A table that is used a stretch of the vocabulary at a time would otherwise be copied
 * whole, and the copy kept from the pass forward to the pass back.
 */
import type { HostArray } from "../executor.ts";
import { first, type Graph, inputOp, type Value } from "../graph.ts";

export interface FedPart {
  /** The name of the part's own input. */
  readonly name: string;
  /** The input that it is a part of. */
  readonly input: string;
  /** Of the part along the input's first axis. */
  readonly start: number;
  readonly shape: readonly number[];
}

/** The parts of a graph. @param isFed whether an input is fed, rather than read from a file or part of the model */
export function fedParts(graph: Graph, isFed: (input: string) => boolean): ReadonlyMap<Value, FedPart> {
  const returned = new Set(graph.outputs.values());
  const parts = new Map<Value, FedPart>();
  for (const { op, inputs, outputs, attributes } of graph.nodes) {
    const source = inputs[0]?.node;
    if (op.name !== "split" || (attributes as { axis: number }).axis !== 0 || source?.op.name !== inputOp.name)
      continue;
    const { name: input } = source.attributes as { name: string };
    const shapes = outputs.map(({ shape }) => shape.filter((dim) => typeof dim === "number"));
    if (!isFed(input) || outputs.some((value, i) => returned.has(value) || value.shape.length !== shapes[i]!.length))
      continue;
    let start = 0;
    for (const [i, shape] of shapes.entries()) {
      parts.set(outputs[i]!, { name: `${input} from ${start}`, input, start, shape });
      start += first(shape);
    }
  }
  return parts;
}

/** A part of an array, in its memory. */
export function partOf({ data, shape: [, ...axes] }: HostArray, { start, shape }: FedPart): HostArray {
  const row = axes.reduce((a, b) => a * b, 1);
  return { shape, data: data.subarray(start * row, (start + first(shape)) * row) };
}

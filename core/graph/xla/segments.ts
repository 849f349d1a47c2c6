/**
 * A graph cut where it says so: pieces that are compiled for themselves, so that layers that are alike are compiled
 * once.
 */
import { type Graph, inputOp, liveNodes, type Node, type Value } from "../graph.ts";

/** Nodes that run as one program. */
export interface Segment {
  readonly nodes: readonly Node[];
  /** What it reads of others and of the graph's inputs, in the order it is first read. */
  readonly inputs: readonly Value[];
  /** What other segments read of it. */
  readonly passed: readonly Value[];
  /** Names of the graph's outputs that it computes. */
  readonly outputs: readonly string[];
}

export function segmentsOf(graph: Graph): Segment[] {
  const pieces = pieced(graph).map(withCheapNodes);
  const owner = new Map<Value, number>();
  pieces.forEach((nodes, i) =>
    nodes.forEach((node) => node.outputs.forEach((value) => owner.has(value) || owner.set(value, i))),
  );
  const inputsOf = pieces.map((nodes) => {
    const own = new Set(nodes);
    return [...new Set(nodes.flatMap((node) => node.inputs).filter((value) => !own.has(value.node)))];
  });
  const readElsewhere = new Set(inputsOf.flat());
  return pieces.map((nodes, i) => ({
    nodes,
    inputs: inputsOf[i]!,
    passed: nodes.flatMap((node) => node.outputs).filter((value) => owner.get(value) === i && readElsewhere.has(value)),
    outputs: [...graph.outputs].filter(([, value]) => owner.get(value) === i).map(([name]) => name),
  }));
}

/** The nodes that compute, in order, cut where the graph says; cheap ones are left to those who read them. */
function pieced(graph: Graph): Node[][] {
  const pieces: Node[][] = [[]];
  const cuts = [...graph.cuts];
  const wanted = new Set([...graph.outputs.values()].map(({ node }) => node));
  for (const node of liveNodes(graph)) {
    if (node.op.name === inputOp.name || (isCheap(node) && !wanted.has(node))) continue;
    let isNext = false;
    while (cuts.length > 0 && node.id >= cuts[0]!) isNext = cuts.shift() !== undefined;
    if (isNext && pieces.at(-1)!.length > 0) pieces.push([]);
    pieces.at(-1)!.push(node);
  }
  return pieces.filter((nodes) => nodes.length > 0);
}

/** A piece with the cheap nodes that it reads, in order. */
function withCheapNodes(nodes: readonly Node[]): Node[] {
  const all = new Set(nodes);
  const pending = [...nodes];
  for (let node = pending.pop(); node; node = pending.pop()) {
    for (const { node: read } of node.inputs) {
      if (all.has(read) || !isCheap(read)) continue;
      all.add(read);
      pending.push(read);
    }
  }
  return [...all].sort((a, b) => a.id - b.id);
}

const madeOfNothing = new Set(["scalar", "zeros"]);
const cheapOps = new Set(["reshape", "neg", "affine", "expand", "concat"]);

/**
 * What is computed from the graph's inputs alone by little arithmetic: masks in another shape, constants. Each segment
 * that reads it
 * computes it for itself, since the first that did would not be like the others.
 */
function isCheap({ op, inputs }: Node): boolean {
  if (madeOfNothing.has(op.name)) return true;
  return cheapOps.has(op.name) && inputs.every(({ node }) => node.op.name === inputOp.name || isCheap(node));
}

/** A graph cut where it says so: pieces that are compiled for themselves, so that layers that are alike are compiled once. */
import { type Graph, inputOp, liveNodes, type Node, type Value } from "../graph.ts";

/** Nodes that run as one program. */
export interface Segment {
  readonly nodes: readonly Node[];
  /** What it reads of others and of the graph's inputs, in the order it is first read. */
  readonly inputs: readonly Value[];
  /** What others or the graph's caller read of it. */
  readonly outputs: readonly Value[];
}

export function segmentsOf(graph: Graph): Segment[] {
  const pieces = pieced(graph);
  const pieceOf = new Map(pieces.flatMap((nodes, i) => nodes.map((node) => [node, i] as const)));
  const readElsewhere = new Set<Value>(graph.outputs.values());
  pieces.forEach((nodes, i) => {
    for (const value of nodes.flatMap((node) => node.inputs)) if (pieceOf.get(value.node) !== i) readElsewhere.add(value);
  });
  return pieces.map((nodes, i) => ({
    nodes,
    inputs: [...new Set(nodes.flatMap((node) => node.inputs).filter((value) => pieceOf.get(value.node) !== i))],
    outputs: nodes.flatMap((node) => node.outputs).filter((value) => readElsewhere.has(value)),
  }));
}

/** The nodes that compute, in order, cut where the graph says. */
function pieced(graph: Graph): Node[][] {
  const pieces: Node[][] = [[]];
  const cuts = [...graph.cuts];
  for (const node of liveNodes(graph)) {
    if (node.op.name === inputOp.name) continue;
    let isNext = false;
    while (cuts.length > 0 && node.id >= cuts[0]!) isNext = cuts.shift() !== undefined;
    if (isNext && pieces.at(-1)!.length > 0) pieces.push([]);
    pieces.at(-1)!.push(node);
  }
  return pieces.filter((nodes) => nodes.length > 0);
}

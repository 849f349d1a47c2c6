/**
 * A graph cut where it says so: pieces that are compiled for themselves, so that layers that are alike are compiled
 * once.
 */
import { shapeText } from "../../dims.ts";
import { attributesKey, type Graph, inputOp, liveNodes, type Node, type Value } from "../../graph.ts";

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

/** @param nodes in order, those that are cut: others are inputs. Default: all that the graph's outputs depend on */
export function segmentsOf(graph: Graph, nodes: readonly Node[] = liveNodes(graph)): Segment[] {
  const isCheap = cheapAmong(new Set(nodes));
  const pieces = pieced(graph, nodes, isCheap).map((piece) => withCheapNodes(piece, isCheap));
  const owner = new Map<Value, number>();
  pieces.forEach((piece, i) =>
    piece.forEach((node) => node.outputs.forEach((value) => owner.has(value) || owner.set(value, i))),
  );
  const inputsOf = pieces.map((piece) => {
    const own = new Set(piece);
    return [...new Set(piece.flatMap((node) => node.inputs).filter((value) => !own.has(value.node)))];
  });
  const readElsewhere = new Set(inputsOf.flat());
  return pieces.map((piece, i) => ({
    nodes: piece,
    inputs: inputsOf[i]!,
    passed: piece.flatMap((node) => node.outputs).filter((value) => owner.get(value) === i && readElsewhere.has(value)),
    outputs: [...graph.outputs].filter(([, value]) => owner.get(value) === i).map(([name]) => name),
  }));
}

/** Of segments that are the same ops on inputs of the same sizes, the most that are alike. */
export function mostAlike(segments: readonly Segment[]): number {
  const counts = new Map<string, number>();
  for (const segment of segments) {
    const text = opsText(segment);
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  return Math.max(0, ...counts.values());
}

/** Ops, and what they read by where it comes from in the segment; rules for gradients, functions all, are left out. */
function opsText({ nodes, inputs }: Segment): string {
  const places = new Map<Value, string>(inputs.map((value, i) => [value, `in${i}`]));
  nodes.forEach((node, i) => node.outputs.forEach((value, output) => places.set(value, `${i}.${output}`)));
  const given = inputs.map(({ dtype, shape }) => `${dtype} ${shapeText(shape)}`);
  const done = nodes.map(({ op, inputs: read, attributes }) => {
    const numbers = Object.fromEntries(Object.entries(attributes).filter(([, value]) => typeof value !== "function"));
    return `${op.name}(${read.map((value) => places.get(value)).join(", ")})${attributesKey(numbers)}`;
  });
  return [...given, ...done].join("\n");
}

type IsCheap = (node: Node) => boolean;

/** The nodes that compute, in order, cut where the graph says; cheap ones are left to those who read them. */
function pieced(graph: Graph, nodes: readonly Node[], isCheap: IsCheap): Node[][] {
  const pieces: Node[][] = [[]];
  const cuts = [...graph.cuts];
  const wanted = new Set([...graph.outputs.values()].map(({ node }) => node));
  for (const node of nodes) {
    if (node.op.name === inputOp.name || (isCheap(node) && !wanted.has(node))) continue;
    let isNext = false;
    while (cuts.length > 0 && node.id >= cuts[0]!) isNext = cuts.shift() !== undefined;
    if (isNext && pieces.at(-1)!.length > 0) pieces.push([]);
    pieces.at(-1)!.push(node);
  }
  return pieces.filter((piece) => piece.length > 0);
}

/** A piece with the cheap nodes that it reads, in order. */
function withCheapNodes(nodes: readonly Node[], isCheap: IsCheap): Node[] {
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
 * What is computed from the graph's inputs, or from other nodes than these, by little arithmetic: masks in another
 * shape, constants. Each segment that reads it computes it for itself, since the first that did would not be like the
 * others.
 */
function cheapAmong(nodes: ReadonlySet<Node>): IsCheap {
  const isGiven = (node: Node): boolean => node.op.name === inputOp.name || !nodes.has(node);
  const isCheap = (node: Node): boolean => {
    if (!nodes.has(node)) return false;
    if (madeOfNothing.has(node.op.name)) return true;
    return cheapOps.has(node.op.name) && node.inputs.every((value) => isGiven(value.node) || isCheap(value.node));
  };
  return isCheap;
}

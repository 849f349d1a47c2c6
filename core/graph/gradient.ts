/** Reverse-mode differentiation: from a graph, the graph of its gradient. */
import type { Node, Value } from "./graph.ts";
import { add } from "./ops/elementwise.ts";
import { scatterAddRows, scatterOp } from "./ops/rows.ts";
import { zeros, zerosOp } from "./ops/shape.ts";
import { sameShape, shapeText } from "./dims.ts";

/**
 * d(Σ seeds ⟨cotangent, value⟩) / d(each of `wrt`), traced into the same graph. The values of `wrt` are taken as
 * independent of each other: nothing is sent further back through one of them. A value that no seed depends on gets
 * zeros.
 */
export function gradient(
  seeds: readonly { readonly value: Value; readonly cotangent: Value }[],
  wrt: readonly Value[],
): Value[] {
  const graph = seeds[0]?.value.graph;
  if (!graph) return [];
  const last = graph.nodes.length;
  const dependent = dependents(graph.nodes, wrt);
  const ends = new Set(wrt);
  const cotangents = new Map<Value, Value>();
  const accumulate = (value: Value, cotangent: Value): void => {
    if (!sameShape(value.shape, cotangent.shape)) {
      throw new Error(
        `${value.node.op.name}: a cotangent of shape ${shapeText(cotangent.shape)} for a value of shape ${shapeText(value.shape)}`,
      );
    }
    const before = cotangents.get(value);
    cotangents.set(value, before ? joined(before, cotangent) : cotangent);
  };
  for (const { value, cotangent } of seeds) accumulate(value, cotangent);
  const cuts = new Set(graph.cuts);
  for (let id = last - 1; id >= 0; id--) {
    if (cuts.has(id + 1)) graph.cut();
    const node = graph.nodes[id];
    if (!node || !dependent.has(node) || node.inputs.length === 0) continue;
    const arrived = node.outputs.map((output) => (ends.has(output) ? undefined : cotangents.get(output)));
    if (arrived.every((cotangent) => cotangent === undefined)) continue;
    if (!node.op.gradient) throw new Error(`op "${node.op.name}" has no gradient rule`);
    node.op.gradient(node, arrived).forEach((cotangent, i) => {
      const input = node.inputs[i];
      if (cotangent && input && dependent.has(input.node)) accumulate(input, cotangent);
    });
  }
  return wrt.map((value) => cotangents.get(value) ?? zeros(graph, value.shape));
}

/**
 * a + b; rows that are scattered over zeros are scattered over the other one instead, which is a table's size less to
 * hold.
 */
function joined(a: Value, b: Value): Value {
  for (const [scattered, other] of [
    [b, a],
    [a, b],
  ] as const) {
    const [base, index, rows] = scattered.node.inputs;
    if (scattered.node.op.name === scatterOp.name && base?.node.op.name === zerosOp.name)
      return scatterAddRows(other, index as Value, rows as Value);
  }
  return add(a, b);
}

/** Nodes through which a gradient can reach one of `wrt`. */
function dependents(nodes: readonly Node[], wrt: readonly Value[]): Set<Node> {
  const dependent = new Set(wrt.map((value) => value.node));
  for (const node of nodes) if (node.inputs.some((input) => dependent.has(input.node))) dependent.add(node);
  return dependent;
}

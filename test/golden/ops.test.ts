import { describe, expect, test } from "vitest";
import { type Dim, symbol } from "../../core/graph/dims.ts";
import { gradient } from "../../core/graph/gradient.ts";
import { Graph, type Value } from "../../core/graph/graph.ts";
import type { Executor, HostArray } from "../../core/graph/executor.ts";
import { lowerings as tensorflow } from "../../core/graph/tensorflow/lowering.ts";
import { lowerings as xla } from "../../core/graph/xla/lowering.ts";
import * as ops from "../../core/graph/ops/index.ts";
import { executors } from "../support/executors.ts";
import { goldenJson, hasPart, largestDifference, relativeError } from "./support.ts";

interface OpInput {
  readonly shape: readonly number[];
  readonly dtype: "float32" | "int32";
  readonly data: readonly number[];
  /** Axes that may be symbols, by name. */
  readonly dims?: readonly (string | number)[];
  /** Absent: a constant. */
  readonly gradient?: readonly number[];
}

interface OpCase {
  readonly name: string;
  readonly op: string;
  readonly attributes: Attributes;
  readonly inputs: readonly OpInput[];
  readonly outputs: readonly {
    readonly shape: readonly number[];
    readonly data: readonly number[];
    readonly cotangent: readonly number[];
  }[];
}

interface Attributes extends ops.MatmulOptions {
  readonly factor: number;
  readonly offset: number;
  readonly axes: readonly number[];
  readonly shape: readonly number[];
  readonly permutation: readonly number[];
  readonly axis: number;
  readonly sizes: readonly number[];
  readonly piece: number;
  readonly epsilon: number;
  readonly heads: number;
  readonly kind: ops.Divergence;
  readonly chunk: number;
}

type Apply = (inputs: readonly Value[], attributes: Attributes) => Value | readonly Value[];

const one = (values: readonly Value[], i = 0): Value => {
  const value = values[i];
  if (value === undefined) throw new Error(`the case has no input ${i}`);
  return value;
};
const unary =
  (f: (x: Value) => Value): Apply =>
  (x) =>
    f(one(x));
const binary =
  (f: (a: Value, b: Value) => Value): Apply =>
  (x) =>
    f(one(x), one(x, 1));
const packing = (x: readonly Value[]): ops.RowPacking => ({
  rowOfSlot: one(x, 1),
  slotOfRow: one(x, 2),
  filled: one(x, 3),
});

/** How a case's op is called. */
const calls: Readonly<Record<string, Apply>> = {
  add: binary(ops.add),
  sub: binary(ops.sub),
  mul: binary(ops.mul),
  div: binary(ops.div),
  neg: unary(ops.neg),
  exp: unary(ops.exp),
  log: unary(ops.log),
  sqrt: unary(ops.sqrt),
  sigmoid: unary(ops.sigmoid),
  silu: unary(ops.silu),
  erf: unary(ops.erf),
  gelu: unary(ops.gelu),
  geluTanh: unary(ops.geluTanh),
  quickGelu: unary(ops.quickGelu),
  affine: (x, { factor, offset }) => ops.affine(one(x), factor, offset),
  square: unary((x) => ops.mul(x, x)),
  matmul: (x, { transposeA, transposeB, scale }) =>
    ops.matmul(one(x), one(x, 1), {
      transposeA: transposeA ?? false,
      transposeB: transposeB ?? false,
      scale: scale ?? 1,
    }),
  linear: (x) => (x.length > 2 ? ops.linear(one(x), one(x, 1), one(x, 2)) : ops.linear(one(x), one(x, 1))),
  softmax: unary(ops.softmax),
  sum: (x, { axes }) => ops.sum(one(x), axes),
  sumLast: unary(ops.sumLast),
  reshape: (x, { shape }) => ops.reshape(one(x), shape),
  transpose: (x, { permutation }) => ops.transpose(one(x), permutation),
  concat: (x, { axis }) => ops.concat(x, axis),
  split: (x, { sizes, axis }) => ops.split(one(x), sizes, axis),
  slice: (x, { sizes, axis, piece }) => one(ops.split(one(x), sizes, axis), piece),
  expand: (x, { shape }) => ops.expand(one(x), shape),
  gatherRows: binary(ops.gatherRows),
  scatterAddRows: (x) => ops.scatterAddRows(one(x), one(x, 1), one(x, 2)),
  layerNorm: (x, { epsilon }) => ops.layerNorm(one(x), one(x, 1), one(x, 2), epsilon),
  rmsNorm: (x, { epsilon }) => ops.rmsNorm(one(x), one(x, 1), epsilon),
  addRmsNorm: (x, { epsilon }) => ops.addRmsNorm(one(x), one(x, 1), one(x, 2), epsilon),
  rope: (x, { heads }) => ops.rope(one(x), one(x, 1), one(x, 2), heads),
  recomputed: (x) => ops.recomputed(one(x), one(x, 1), (again) => ops.mul(ops.silu(again), one(x, 2))),
  tokenLogProb: binary(ops.tokenLogProb),
  entropy: unary(ops.entropy),
  chunkedHead: (x) => {
    const head = ops.chunkedHead(one(x), one(x, 1), { chunk: 3, one: one(x, 3) });
    return [head.logProb(one(x, 2)), head.entropy()];
  },
  divergence: (x, { kind, chunk }) =>
    ops.divergence(
      kind,
      { hidden: one(x), weight: one(x, 1) },
      { hidden: one(x, 2), weight: one(x, 3) },
      { chunk, one: one(x, 4) },
    ),
  pack: (x) => ops.pack(one(x), packing(x)),
  unpack: (x) => ops.unpack(one(x), packing(x)),
};

const hostArray = ({ shape, dtype, data }: OpInput): HostArray => ({
  shape,
  data: dtype === "int32" ? Int32Array.from(data) : Float32Array.from(data),
});

/** The case as a graph: its outputs `y0…` and the gradients `d0…` of its float inputs. */
function traceCase({ op, attributes, inputs, outputs }: OpCase, symbolic: boolean): Graph {
  const call = calls[op];
  if (call === undefined)
    throw new Error(`the golden case's op "${op}" is not known here; known: ${Object.keys(calls).join(", ")}`);
  const graph = new Graph();
  const shapeOf = ({ shape, dims }: OpInput): Dim[] =>
    (symbolic && dims ? dims : shape).map((dim) => (typeof dim === "string" ? symbol(dim) : dim));
  const values = inputs.map((input, i) => graph.input(`x${i}`, shapeOf(input), input.dtype));
  const result = call(values, attributes);
  const results = (Array.isArray(result) ? result : [result]) as readonly Value[];
  const seeds = results.map((value, i) => ({ value, cotangent: graph.input(`c${i}`, value.shape) }));
  expect(results).toHaveLength(outputs.length);
  results.forEach((value, i) => graph.output(`y${i}`, ops.affine(value, 1)));
  const trained = inputs.flatMap(({ gradient: wanted }, i) => (wanted ? [i] : []));
  gradient(
    seeds,
    trained.map((i) => one(values, i)),
  ).forEach((value, k) => graph.output(`d${trained[k]}`, ops.affine(value, 1)));
  return graph;
}

function feedsOf({ inputs, outputs }: OpCase): Record<string, HostArray> {
  return Object.fromEntries([
    ...inputs.map((input, i) => [`x${i}`, hostArray(input)] as const),
    ...outputs.map(({ shape, cotangent }, i) => [`c${i}`, { shape, data: Float32Array.from(cotangent) }] as const),
  ]);
}

/** Within 1e-5 in L2, and each entry within 1e-5 of the largest. */
function expectClose(actual: ArrayLike<number> | undefined, wanted: readonly number[], what: string): void {
  const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  if (largest > 0) expect(relativeError(actual ?? [], wanted), `${what}, relative L2 error`).toBeLessThan(1e-5);
  expect(largestDifference(actual ?? [], wanted), `${what}, largest difference`).toBeLessThanOrEqual(
    1e-5 * Math.max(1e-3, largest),
  );
}

const file = hasPart("ops.json") ? goldenJson<{ readonly cases: readonly OpCase[] }>("ops.json") : null;
const cases = (file?.cases ?? []).map((entry) => [entry.name, entry] as const);
const symbolicCases = cases.filter(([, { inputs }]) => inputs.some(({ dims }) => dims));

async function checkCase(executor: Executor, entry: OpCase, symbolic: boolean): Promise<void> {
  const program = await executor.compile(traceCase(entry, symbolic));
  const results = await program.run(feedsOf(entry));
  await program.release();
  entry.outputs.forEach(({ shape, data }, i) => {
    expect(results[`y${i}`]?.shape).toEqual(shape);
    expectClose(results[`y${i}`]?.data, data, `output ${i}`);
  });
  entry.inputs.forEach(({ shape, gradient: wanted }, i) => {
    if (!wanted) return;
    expect(results[`d${i}`]?.shape).toEqual(shape);
    expectClose(results[`d${i}`]?.data, wanted, `gradient of input ${i}`);
  });
}

describe.skipIf(cases.length === 0).each(executors)("ops against torch on $name", (executor) => {
  test.each(cases)("%s", async (_, entry) => checkCase(executor, entry, false));
  test.each(symbolicCases)("%s, symbolic sizes", async (_, entry) => checkCase(executor, entry, true));
});

test.each([
  ["TensorFlow", tensorflow],
  ["OpenXLA", xla],
])("every op of the golden cases has a lowering to %s", (_, lowerings) => {
  for (const [, entry] of cases) {
    const { nodes } = traceCase(entry, false);
    expect(nodes.map(({ op }) => op.name).filter((name) => name !== "input" && !(name in lowerings))).toEqual([]);
  }
});

test.skipIf(cases.length === 0)("every op that a model or a gradient rule can call has a case", () => {
  const parts = ["maxLast", "scalar", "withGradient", "zeros"]; // no gradient of their own; inside softmax, log-probs, silu, unused pieces
  // ops/block-attention.test.ts, low-rank.test.ts: what they read is made by the project; attention.test.ts: log-probs
  // of a whole model with changed values.
  const elsewhere = ["blockAttention", "dropout", "changedBlockAttention", "changedProbabilities"];
  const noOps = ["changeFields", "replacement"];
  const called = new Set(cases.map(([, { op }]) => op));
  expect(
    Object.keys(ops).filter((name) => !called.has(name) && ![...parts, ...elsewhere, ...noOps].includes(name)),
  ).toEqual([]);
});

/** (f(x + h·v) − f(x − h·v)) / 2h against ⟨gradient, v⟩, f = Σ ⟨output, cotangent⟩, for a direction v of ±1. */
async function directionalError(
  executor: Executor,
  entry: OpCase,
  input: number,
  step: number,
): Promise<{ readonly measured: number; readonly traced: number; readonly scale: number }> {
  const program = await executor.compile(traceCase(entry, false));
  const feeds = feedsOf(entry);
  const at = feeds[`x${input}`];
  if (!at) throw new Error(`no input ${input}`);
  const direction = Array.from(at.data, (_, i) => ((i * 7 + 3) % 5 < 2 ? -1 : 1));
  const valueAt = async (h: number): Promise<number> => {
    const moved = { shape: at.shape, data: Float32Array.from(at.data, (x, i) => x + h * (direction[i] ?? 0)) };
    const results = await program.run({ ...feeds, [`x${input}`]: moved });
    return entry.outputs.reduce(
      (total, { cotangent }, k) =>
        total + cotangent.reduce((sum, c, i) => sum + c * (results[`y${k}`]?.data[i] ?? NaN), 0),
      0,
    );
  };
  const traced = (await program.run(feeds))[`d${input}`]?.data ?? new Float32Array();
  const measured = ((await valueAt(step)) - (await valueAt(-step))) / (2 * step);
  await program.release();
  const scale = Math.sqrt(traced.reduce((sum, g) => sum + g * g, 0) * direction.length);
  return { measured, traced: traced.reduce((sum, g, i) => sum + g * (direction[i] ?? 0), 0), scale };
}

// A step of 1e-3 would leave the region where these are smooth, or drown in the size of the numbers.
const tooSteep = (name: string): boolean => /large|masked|far from 0|epsilon counts|nearly certain/.test(name);

describe.skipIf(cases.length === 0).each(executors)("gradients against central differences on $name", (executor) => {
  test.each(cases.filter(([name]) => !tooSteep(name)))("%s", async (_, entry) => {
    for (const [i, { gradient: wanted }] of entry.inputs.entries()) {
      if (!wanted) continue;
      const { measured, traced, scale } = await directionalError(executor, entry, i, 4e-3);
      expect(
        Math.abs(measured - traced) / Math.max(1, scale),
        `input ${i}: ${measured} measured, ${traced} traced`,
      ).toBeLessThan(1e-3);
    }
  });
});

/** DINOv2 over the tracer: one picture, CLS token and registers first, then patches row by row. */
import { plus, symbol } from "../../../graph/dims.ts";
import type { Graph, Value } from "../../../graph/graph.ts";
import {
  add,
  affine,
  concat,
  gelu,
  layerNorm,
  linear,
  matmul,
  mul,
  reshape,
  silu,
  softmax,
  split,
  sum,
  transpose,
} from "../../../graph/ops/index.ts";
import type { Parameters } from "../../model.ts";
import type { Dinov2Config } from "./config.ts";

/** Shape of every parameter that is read, by Hugging Face name. */
export function dinov2Parameters({
  hiddenSize: d,
  layers,
  patchSize,
  positions,
  swiglu,
  mlpSize,
  registers,
}: Dinov2Config): Map<string, number[]> {
  const linearShapes = (name: string, out: number, into: number): [string, number[]][] => [
    [`${name}.weight`, [out, into]],
    [`${name}.bias`, [out]],
  ];
  const layer = (index: number): [string, number[]][] => {
    const p = `encoder.layer.${index}`;
    return [
      [`${p}.norm1.weight`, [d]],
      [`${p}.norm1.bias`, [d]],
      [`${p}.norm2.weight`, [d]],
      [`${p}.norm2.bias`, [d]],
      ...[
        "attention.attention.query",
        "attention.attention.key",
        "attention.attention.value",
        "attention.output.dense",
      ].flatMap((name) => linearShapes(`${p}.${name}`, d, d)),
      [`${p}.layer_scale1.lambda1`, [d]],
      [`${p}.layer_scale2.lambda1`, [d]],
      ...(swiglu === null
        ? [...linearShapes(`${p}.mlp.fc1`, mlpSize, d), ...linearShapes(`${p}.mlp.fc2`, d, mlpSize)]
        : [...linearShapes(`${p}.mlp.weights_in`, 2 * swiglu, d), ...linearShapes(`${p}.mlp.weights_out`, d, swiglu)]),
    ];
  };
  return new Map([
    ["embeddings.cls_token", [1, 1, d]],
    ["embeddings.position_embeddings", [1, positions ** 2 + 1, d]],
    ...(registers > 0 ? [["embeddings.register_tokens", [1, registers, d]] as [string, number[]]] : []),
    ["embeddings.patch_embeddings.projection.weight", [d, 3, patchSize, patchSize]],
    ["embeddings.patch_embeddings.projection.bias", [d]],
    ...Array.from({ length: layers }, (_, index) => layer(index)).flat(),
    ["layernorm.weight", [d]],
    ["layernorm.bias", [d]],
  ]);
}

/**
 * Outputs "features" [1 + registers + N, hidden] after the last norm, and "attention.<layer>" [S, S] of the layers
 * asked for, the mean over heads. Inputs: "patches" [N, 3 · patch²] and "positions" [1 + N, hidden].
 */
export function traceDinov2(config: Dinov2Config, graph: Graph, p: Parameters, layers: readonly number[]): void {
  const { hiddenSize: d, patchSize, registers, epsilon } = config;
  const N = symbol("N");
  const S = plus(N, 1 + registers);
  const patches = linear(
    graph.input("patches", [N, 3 * patchSize ** 2]),
    reshape(p("embeddings.patch_embeddings.projection.weight"), [d, 3 * patchSize ** 2]),
    p("embeddings.patch_embeddings.projection.bias"),
  );
  const [first, others] = split(graph.input("positions", [plus(N, 1), d]), [1, N], 0) as [Value, Value];
  const cls = add(reshape(p("embeddings.cls_token"), [1, d]), first);
  // Registers have no position.
  const own = registers === 0 ? [] : [reshape(p("embeddings.register_tokens"), [registers, d])];
  let x = concat([cls, ...own, add(patches, others)], 0);
  for (let layer = 0; layer < config.layers; layer++) {
    const name = (part: string): Value => p(`encoder.layer.${layer}.${part}`);
    const { out, attention } = attend(config, layerNorm(x, name("norm1.weight"), name("norm1.bias"), epsilon), name, S);
    if (layers.includes(layer)) graph.output(`attention.${layer}`, affine(sum(attention, [0]), 1 / config.heads));
    x = add(x, mul(out, name("layer_scale1.lambda1")));
    const normed = layerNorm(x, name("norm2.weight"), name("norm2.bias"), epsilon);
    x = add(x, mul(mlp(config, normed, name), name("layer_scale2.lambda1")));
  }
  graph.output("features", layerNorm(x, p("layernorm.weight"), p("layernorm.bias"), epsilon));
}

function attend(
  { hiddenSize: d, heads }: Dinov2Config,
  x: Value,
  name: Parameters,
  S: Value["shape"][number],
): { out: Value; attention: Value } {
  const size = d / heads;
  const project = (part: string): Value =>
    transpose(
      reshape(linear(x, name(`attention.attention.${part}.weight`), name(`attention.attention.${part}.bias`)), [
        S,
        heads,
        size,
      ]),
      [1, 0, 2],
    );
  const attention = softmax(matmul(project("query"), project("key"), { transposeB: true, scale: 1 / Math.sqrt(size) })); // [heads, S, S]
  const joined = reshape(transpose(matmul(attention, project("value")), [1, 0, 2]), [S, d]);
  return { out: linear(joined, name("attention.output.dense.weight"), name("attention.output.dense.bias")), attention };
}

function mlp({ swiglu }: Dinov2Config, x: Value, name: Parameters): Value {
  if (swiglu === null)
    return linear(
      gelu(linear(x, name("mlp.fc1.weight"), name("mlp.fc1.bias"))),
      name("mlp.fc2.weight"),
      name("mlp.fc2.bias"),
    );
  const [gate, up] = split(
    linear(x, name("mlp.weights_in.weight"), name("mlp.weights_in.bias")),
    [swiglu, swiglu],
    1,
  ) as [Value, Value];
  return linear(mul(silu(gate), up), name("mlp.weights_out.weight"), name("mlp.weights_out.bias"));
}

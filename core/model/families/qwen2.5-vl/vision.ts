/** Qwen2.5-VL's vision tower (arXiv:2502.13923): windowed and full attention, 2-D rotary positions, SwiGLU, patch merger. */
import { symbol, times } from "../../../graph/dims.ts";
import type { HostArray } from "../../../graph/executor.ts";
import type { Graph, Value } from "../../../graph/graph.ts";
import { add, affine, gelu, linear, matmul, mul, pack, reshape, rmsNorm, rope, type RowPacking, silu, softmax, split, sum, sumLast, transpose, unpack } from "../../../graph/ops/index.ts";
import type { VisionConfig } from "../../files/config.ts";
import type { Parameters, VisionTower } from "../../model.ts";
import type { EncodedPicture } from "../../processing/picture.ts";
import { type Layout, layoutOf } from "./windows.ts";

/** Fixed in the architecture, not in the config. */
const epsilon = 1e-6;

export class QwenVisionTower implements VisionTower {
  readonly #config: VisionConfig;
  readonly #inverseFrequencies: Float32Array;

  constructor(config: VisionConfig) {
    this.#config = config;
    const quarter = config.hiddenSize / config.heads / 4;
    // float32, as the reference computes them.
    this.#inverseFrequencies = Float32Array.from({ length: quarter }, (_, i) => 1 / Math.fround(10000 ** Math.fround(i / quarter)));
  }

  parameters(): [string, number[]][] {
    const { hiddenSize: d, intermediateSize: i, outHiddenSize, channels, temporalPatchSize, patchSize, mergeSize, depth } = this.#config;
    const merged = d * mergeSize ** 2;
    const block = (index: number): [string, number[]][] => {
      const p = `model.visual.blocks.${index}`;
      return [
        [`${p}.norm1.weight`, [d]],
        [`${p}.norm2.weight`, [d]],
        [`${p}.attn.qkv.weight`, [3 * d, d]],
        [`${p}.attn.qkv.bias`, [3 * d]],
        [`${p}.attn.proj.weight`, [d, d]],
        [`${p}.attn.proj.bias`, [d]],
        [`${p}.mlp.gate_proj.weight`, [i, d]],
        [`${p}.mlp.gate_proj.bias`, [i]],
        [`${p}.mlp.up_proj.weight`, [i, d]],
        [`${p}.mlp.up_proj.bias`, [i]],
        [`${p}.mlp.down_proj.weight`, [d, i]],
        [`${p}.mlp.down_proj.bias`, [d]],
      ];
    };
    return [
      ["model.visual.patch_embed.proj.weight", [d, channels, temporalPatchSize, patchSize, patchSize]],
      ...Array.from({ length: depth }, (_, index) => block(index)).flat(),
      ["model.visual.merger.ln_q.weight", [d]],
      ["model.visual.merger.mlp.0.weight", [merged, merged]],
      ["model.visual.merger.mlp.0.bias", [merged]],
      ["model.visual.merger.mlp.2.weight", [outHiddenSize, merged]],
      ["model.visual.merger.mlp.2.bias", [outHiddenSize]],
    ];
  }

  tokens({ grid: [time, height, width] }: EncodedPicture): number {
    return (time * height * width) / this.#config.mergeSize ** 2;
  }

  order(pictures: readonly EncodedPicture[]): Int32Array {
    return layoutOf(pictures, this.#config).tokenRow;
  }

  /** Patches reach the tower in window order, so that windows are runs of rows. */
  feeds(pictures: readonly EncodedPicture[]): Record<string, HostArray> {
    const layout = layoutOf(pictures, this.#config);
    const { mergeSize, patchSize, temporalPatchSize, channels } = this.#config;
    const unit = mergeSize ** 2;
    const patch = channels * temporalPatchSize * patchSize ** 2;
    const rows = layout.patchSource.length;
    const pixels = new Float32Array(rows * patch);
    layout.patchSource.forEach(({ picture, patch: index }, row) => {
      pixels.set((pictures[picture] as EncodedPicture).pixels.subarray(index * patch, (index + 1) * patch), row * patch);
    });
    const { cos, sin } = this.#rotary(layout);
    const half = cos.length / rows;
    return {
      pixels: { shape: [rows / unit, unit, patch], data: pixels },
      "vision.cos": { shape: [rows, half], data: cos },
      "vision.sin": { shape: [rows, half], data: sin },
      ...packingFeeds("windows", layout.windows, unit),
      ...packingFeeds("pictures", layout.pictures, unit),
    };
  }

  trace(graph: Graph, parameters: Parameters): Value {
    return this.#trace(graph, parameters, () => undefined);
  }

  traceAttention(graph: Graph, parameters: Parameters): Value {
    const received: Value[] = [];
    this.#trace(graph, parameters, (ofRows) => void received.push(ofRows));
    const [first, ...more] = received;
    if (first === undefined) throw new Error("this vision tower has no block of full attention, so that nothing says what its patches attend to");
    const mean = affine(more.reduce(add, first), 1 / received.length);
    return reshape(sumLast(reshape(mean, [symbol("F"), this.#config.mergeSize ** 2])), [symbol("F")]);
  }

  /** @param onFullAttention called with the attention that each row receives, [T, 1], by each block of full attention */
  #trace(graph: Graph, parameters: Parameters, onFullAttention: (received: Value) => void): Value {
    const { hiddenSize, heads, mergeSize, patchSize, temporalPatchSize, channels, depth, fullAttentionBlocks } = this.#config;
    const unit = mergeSize ** 2;
    const patch = channels * temporalPatchSize * patchSize ** 2;
    const F = symbol("F");
    const T = times(unit, F);
    const half = hiddenSize / heads / 2;
    const cos = graph.input("vision.cos", [T, half]);
    const sin = graph.input("vision.sin", [T, half]);
    const windows = packingInputs(graph, "windows", F, unit);
    const pictures = packingInputs(graph, "pictures", F, unit);
    const p = (name: string): Value => parameters(`model.visual.${name}`);
    const pixels = reshape(graph.input("pixels", [F, unit, patch]), [T, patch]);
    let x = linear(pixels, reshape(p("patch_embed.proj.weight"), [hiddenSize, patch]));
    for (let block = 0; block < depth; block++) {
      const b = (name: string): Value => p(`blocks.${block}.${name}`);
      const normed = rmsNorm(x, b("norm1.weight"), epsilon);
      const full = fullAttentionBlocks.includes(block);
      const { attended, received } = this.#attend(normed, b, cos, sin, full ? pictures : windows);
      if (full) onFullAttention(received());
      x = add(x, linear(attended, b("attn.proj.weight"), b("attn.proj.bias")));
      x = add(x, mlp(rmsNorm(x, b("norm2.weight"), epsilon), b));
    }
    const merged = reshape(rmsNorm(x, p("merger.ln_q.weight"), epsilon), [F, unit * hiddenSize]);
    return linear(gelu(linear(merged, p("merger.mlp.0.weight"), p("merger.mlp.0.bias"))), p("merger.mlp.2.weight"), p("merger.mlp.2.bias"));
  }

  #attend(x: Value, b: Parameters, cos: Value, sin: Value, { packing, S, L, mask }: PackedRuns): { attended: Value; received: () => Value } {
    const { hiddenSize: d, heads } = this.#config;
    const size = d / heads;
    const qkv = linear(x, b("attn.qkv.weight"), b("attn.qkv.bias"));
    const [q, k, v] = split(qkv, [d, d, d], 1) as [Value, Value, Value];
    const block = (rows: Value): Value => transpose(reshape(pack(rows, packing), [S, L, heads, size]), [0, 2, 1, 3]); // [S, heads, L, size]
    const scores = matmul(block(rope(q, cos, sin, heads)), block(rope(k, cos, sin, heads)), { transposeB: true, scale: 1 / Math.sqrt(size) });
    const probabilities = softmax(add(scores, mask)); // [S, heads, L, L]
    const out = matmul(probabilities, block(v)); // [S, heads, L, size]
    // Mean over heads, summed over the queries that are real; [T, 1].
    const received = (): Value => {
      const asked = mul(probabilities, reshape(packing.filled, [S, 1, L, 1]));
      return unpack(reshape(affine(sum(asked, [1, 2]), 1 / heads), [times(S, L), 1]), packing);
    };
    return { attended: unpack(reshape(transpose(out, [0, 2, 1, 3]), [times(S, L), d]), packing), received };
  }

  /** Angles of each patch from its row and column: the first quarter of a head turns with the row, the second with the column. */
  #rotary({ patchSource }: Layout): { cos: Float32Array; sin: Float32Array } {
    const quarter = this.#inverseFrequencies.length;
    const cos = new Float32Array(patchSource.length * 2 * quarter);
    const sin = new Float32Array(cos.length);
    patchSource.forEach(({ row, column }, patch) => {
      for (let i = 0; i < 2 * quarter; i++) {
        const angle = (i < quarter ? row : column) * (this.#inverseFrequencies[i % quarter] as number);
        cos[patch * 2 * quarter + i] = Math.cos(angle);
        sin[patch * 2 * quarter + i] = Math.sin(angle);
      }
    });
    return { cos, sin };
  }
}

function mlp(x: Value, b: Parameters): Value {
  const gate = silu(linear(x, b("mlp.gate_proj.weight"), b("mlp.gate_proj.bias")));
  const up = linear(x, b("mlp.up_proj.weight"), b("mlp.up_proj.bias"));
  return linear(mul(gate, up), b("mlp.down_proj.weight"), b("mlp.down_proj.bias"));
}

/** Runs of rows (windows, whole pictures) that attend among themselves, as a padded block of S runs by L slots. */
interface PackedRuns {
  readonly packing: RowPacking;
  readonly S: ReturnType<typeof symbol>;
  readonly L: ReturnType<typeof symbol>;
  /** Additive, [S, 1, 1, L]. */
  readonly mask: Value;
}

function packingInputs(graph: Graph, name: string, F: ReturnType<typeof symbol>, unit: number): PackedRuns {
  const [S, L] = [symbol(`${name}.S`), symbol(`${name}.L`)];
  const filled = graph.input(`${name}.filled`, [S, L]);
  const packing = {
    rowOfSlot: reshape(graph.input(`${name}.rowOfSlot`, [S, L], "int32"), [times(S, L)]),
    slotOfRow: reshape(graph.input(`${name}.slotOfRow`, [F, unit], "int32"), [times(unit, F)]),
    filled: reshape(filled, [times(S, L), 1]),
  };
  return { packing, S, L, mask: reshape(affine(filled, 1e9, -1e9), [S, 1, 1, L]) };
}

/** Slots of runs of the given lengths, which cover rows 0 … Σ lengths in order. */
function packingFeeds(name: string, lengths: readonly number[], unit: number): Record<string, HostArray> {
  const S = lengths.length;
  const L = Math.max(...lengths);
  const rows = lengths.reduce((a, b) => a + b, 0);
  const rowOfSlot = new Int32Array(S * L);
  const slotOfRow = new Int32Array(rows);
  const filled = new Float32Array(S * L);
  let row = 0;
  lengths.forEach((length, run) => {
    for (let i = 0; i < length; i++, row++) {
      rowOfSlot[run * L + i] = row;
      slotOfRow[row] = run * L + i;
      filled[run * L + i] = 1;
    }
  });
  return {
    [`${name}.rowOfSlot`]: { shape: [S, L], data: rowOfSlot },
    [`${name}.slotOfRow`]: { shape: [rows / unit, unit], data: slotOfRow },
    [`${name}.filled`]: { shape: [S, L], data: filled },
  };
}

/**
 * Lowering of attention in blocks (ops/block-attention.ts) to programs of fixed sizes: a loop over tiles, with softmax
 * that is rescaled as keys come (arXiv:2205.14135). Axes are those of tile-loop.ts.
 */
import { type BlockHeads, tileSize } from "../../ops/block-attention.ts";
import { atLeast, exp, larger, minus, over, plus, times } from "../arithmetic.ts";
import { byKey, byQuery, keyRows, overTiles, queryRows, type Tile } from "./tile-loop.ts";
import type { Hlo, HloWriter } from "../writer.ts";

const { queries: Q, keys: K } = tileSize;

/** Less than any score. */
const lowest = -1e30;

export interface TileSetting {
  readonly heads: BlockHeads;
  /** Of factors of products. */
  readonly products: "f32" | "bf16";
}

/** Products of a tile, summed in float32. */
export class TileProducts {
  readonly #setting: TileSetting;

  constructor(setting: TileSetting) {
    this.#setting = setting;
  }

  get scale(): number {
    return 1 / Math.sqrt(this.#setting.heads.headSize);
  }

  /** scale · q·kᵀ of [kv, G, Q, size] and [kv, K, size], [kv, G, Q, K]. */
  withKeys(hlo: HloWriter, q: Hlo, k: Hlo, scale: number): Hlo {
    const [kv, group] = q.shape as [number, number];
    const sums = this.#product(hlo, this.#stacked(hlo, q), k, [2, 2]);
    const scores = hlo.reshape(sums, [kv, group, Q, K]);
    return scale === 1 ? scores : times(hlo, scores, hlo.constant(scale));
  }

  /** p·v of [kv, G, Q, K] and [kv, K, size], [kv, G, Q, size]. */
  overKeys(hlo: HloWriter, p: Hlo, v: Hlo): Hlo {
    const [kv, group] = p.shape as [number, number];
    return hlo.reshape(this.#product(hlo, this.#stacked(hlo, p), v, [2, 1]), [kv, group, Q, v.shape[2]!]);
  }

  /** pᵀ·x of [kv, G, Q, K] and [kv, G, Q, size], [kv, K, size]. */
  overQueries(hlo: HloWriter, p: Hlo, x: Hlo): Hlo {
    return this.#product(hlo, this.#stacked(hlo, p), this.#stacked(hlo, x), [1, 1]);
  }

  #stacked(hlo: HloWriter, x: Hlo): Hlo {
    const [kv, group, rows, width] = x.shape as [number, number, number, number];
    return hlo.reshape(x, [kv, group * rows, width]);
  }

  #product(hlo: HloWriter, a: Hlo, b: Hlo, [left, right]: readonly [number, number]): Hlo {
    const { products } = this.#setting;
    const axes = { batch: [[0], [0]], contracting: [[left], [right]] } as const;
    return hlo.product(hlo.convert(a, products), hlo.convert(b, products), axes);
  }
}

/**
 * softmax(scale · q·kᵀ)·v, [kv, G, rows + Q, size]; without values the logarithm of what softmax divides by, [kv, G,
 * rows + Q, 1].
 */
export function softmaxPass(
  hlo: HloWriter,
  { q, k, tiles }: Attended,
  products: TileProducts,
  values: Hlo | null,
): Hlo {
  const [kv, group, all] = q.shape as [number, number, number];
  const ofQuery = [kv, group, Q, 1];
  const width = values?.shape[2];
  const result = width === undefined ? ofQuery : [kv, group, Q, width];
  const [found] = overTiles(hlo, tiles, all - Q, {
    reads: values === null ? [q, k] : [q, k, values],
    sums: [{ shape: ofQuery, from: lowest }, { shape: ofQuery }, ...(width === undefined ? [] : [{ shape: result }])],
    results: [result],
    step: (inner, tile, { reads: [queries, keys, v], sums: [most, mass, sum] }) => {
      const scores = products.withKeys(inner, tile.queries(queries!), tile.keys(keys!), products.scale);
      const mask = tile.mask(scores.shape);
      const allowed = inner.select(mask, scores, inner.filled(lowest, scores.shape));
      const mostNow = larger(inner, most!, inner.reduceLast(allowed, "maximum"));
      const p = inner.select(mask, exp(inner, minus(inner, allowed, mostNow)), inner.filled(0, scores.shape));
      const kept = exp(inner, minus(inner, most!, mostNow));
      const added = (before: Hlo, more: Hlo): Hlo => plus(inner, times(inner, before, kept), more);
      const massNow = added(mass!, inner.reduceLast(p, "add"));
      if (v === undefined) return [mostNow, massNow];
      return [mostNow, massNow, added(sum!, products.overKeys(inner, p, tile.keys(v)))];
    },
    finish: (inner, _tile, { sums: [most, mass, sum] }) => {
      const divisor = atLeast(inner, mass!, 1e-30);
      return [sum === undefined ? plus(inner, most!, inner.map("log", divisor)) : over(inner, sum, divisor)];
    },
  });
  return found!;
}

/** Probabilities of a tile, [kv, G, Q, K], from the logarithms of what softmax divides by. */
export function probabilities(hlo: HloWriter, tile: Tile, products: TileProducts, [q, k, logs]: readonly Hlo[]): Hlo {
  const scores = products.withKeys(hlo, tile.queries(q!), tile.keys(k!), products.scale);
  const mask = tile.mask(scores.shape);
  const p = exp(hlo, minus(hlo, scores, tile.queries(logs!)));
  return hlo.select(mask, p, hlo.filled(0, scores.shape));
}

/** Queries, keys and values by head, and the table of tiles. */
export interface Attended {
  readonly q: Hlo;
  readonly k: Hlo;
  readonly v: Hlo;
  readonly tiles: Hlo;
}

export function attended(hlo: HloWriter, [q, k, v, tiles]: readonly Hlo[], { heads, products }: TileSetting): Attended {
  const factor = (x: Hlo): Hlo => hlo.convert(x, products);
  return {
    q: byQuery(hlo, factor(q!), heads),
    k: byKey(hlo, factor(k!), heads.kvHeads),
    v: byKey(hlo, factor(v!), heads.kvHeads),
    tiles: tiles!,
  };
}

/** @param inputs queries, keys, values, tiles */
export function attendInTiles(hlo: HloWriter, inputs: readonly Hlo[], setting: TileSetting): Hlo {
  const all = attended(hlo, inputs, setting);
  return queryRows(hlo, softmaxPass(hlo, all, new TileProducts(setting), all.v), inputs[0]!.shape[0]!);
}

/**
 * @param inputs queries, keys, values, tiles, rows of keys, output, cotangent of the output
 * @returns cotangents of queries, and of keys and values for each segment that reads them
 */
export function attendInTilesBack(hlo: HloWriter, inputs: readonly Hlo[], setting: TileSetting): readonly Hlo[] {
  const { heads } = setting;
  const all = attended(hlo, inputs, setting);
  const { q, k, v, tiles } = all;
  const products = new TileProducts(setting);
  const [rows, parts] = [inputs[0]!.shape[0]!, inputs[4]!.shape[0]!];
  const [out, dOut] = [inputs[5]!, inputs[6]!].map((x) => byQuery(hlo, hlo.convert(x, "f32"), heads)) as [Hlo, Hlo];
  const ofParts = ({ shape: [kv, , width] }: Hlo): Hlo => hlo.filled(0, [kv!, parts + K, width!]);
  // Of p·dp over keys: the sum is that of rows of the output, which are smaller.
  const delta = hlo.reduceLast(hlo.map("multiply", out, dOut), "add");
  const [dq, dk, dv] = overTiles(hlo, tiles, rows, {
    reads: [q, k, softmaxPass(hlo, all, products, null), v, dOut, delta],
    sums: [{ shape: [...q.shape.slice(0, 2), Q, q.shape[3]!] }],
    changed: [ofParts(k), ofParts(v)],
    results: [[...q.shape.slice(0, 2), Q, q.shape[3]!]],
    step: (inner, tile, { reads, sums: [sum], changed: [dKeys, dValues] }) => {
      const [queries, keys, , values, cotangents, deltas] = reads as [Hlo, Hlo, Hlo, Hlo, Hlo, Hlo];
      const p = probabilities(inner, tile, products, reads);
      const cotangent = tile.queries(cotangents);
      const dp = products.withKeys(inner, cotangent, tile.keys(values), 1);
      const ds = times(inner, times(inner, p, minus(inner, dp, tile.queries(deltas))), inner.constant(products.scale));
      const added = (into: Hlo, more: Hlo): Hlo => {
        const place = tile.field("place");
        return inner.write(into, plus(inner, inner.read(into, place, 1, K), more), place, 1);
      };
      return [
        plus(inner, sum!, products.overKeys(inner, ds, tile.keys(keys))),
        added(dKeys!, products.overQueries(inner, ds, tile.queries(queries))),
        added(dValues!, products.overQueries(inner, p, cotangent)),
      ];
    },
    finish: (_inner, _tile, { sums }) => sums,
  }) as [Hlo, Hlo, Hlo];
  return [queryRows(hlo, dq, rows), keyRows(hlo, dk, parts), keyRows(hlo, dv, parts)];
}

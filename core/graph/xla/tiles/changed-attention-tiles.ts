/**
 * Attention in tiles of which some queries read other values, as ops/changed-values.ts has it: what is replaced follows
 * from all probabilities of a query, so tiles are gone through once for each sum that the next one needs.
 */
import { tileSize } from "../../ops/block-attention.ts";
import { leastAbove, leastSeen } from "../../ops/changed-values.ts";
import { above, atLeast, minus, over, plus, sumOver, times } from "../arithmetic.ts";
import {
  type Attended,
  attended,
  probabilities,
  softmaxPass,
  TileProducts,
  type TileSetting,
} from "./attention-tiles.ts";
import { byKey, byQuery, overTiles, type Pass, queryRows, type Tile } from "./tile-loop.ts";
import type { Hlo, HloWriter } from "../writer.ts";

const { queries: Q, keys: K } = tileSize;

/** Sums as they are. */
const asTheyAre: Pass["finish"] = (_hlo, _tile, { sums }) => sums;

/** @param inputs queries, keys, values, tiles, rows of keys, change [rows, 3] */
export function attendChangedInTiles(hlo: HloWriter, inputs: readonly Hlo[], setting: TileSetting): Hlo {
  const all = attended(hlo, inputs, setting);
  const products = new TileProducts(setting);
  const change = inputs[5]!;
  const column = (i: number): Hlo => hlo.slice(change, 1, i, 1);
  const [changes, deviations] = [1, 2].map((i) => byQuery(hlo, column(i), { heads: 1, kvHeads: 1 })) as [Hlo, Hlo];
  const visual = byKey(hlo, column(0), 1);
  const seen = new Seen(all, products, [all.q, all.k, softmaxPass(hlo, all, products, null), visual]);
  const { mean, variance, instead } = statistics(hlo, seen);
  const limit = times(hlo, hlo.map("sqrt", variance), deviations);
  const read = [...all.q.shape.slice(0, 2), Q, all.v.shape[2]!];
  const [out] = overTiles(hlo, all.tiles, seen.rows, {
    reads: [...seen.reads, mean, limit, changes, instead, all.v],
    sums: [{ shape: read }, { shape: seen.ofHead }],
    results: [read],
    step: (inner, tile, { reads, sums: [readBefore, replacedBefore] }) => {
      const found = seen.in(inner, tile, reads);
      const isChosen = above(
        inner,
        minus(inner, seen.off(inner, tile, found, reads[4]!), tile.queries(reads[5]!)),
        leastAbove,
      );
      const chosen = times(inner, times(inner, isChosen, found.seen), tile.queries(reads[6]!));
      const replaced = times(inner, found.p, chosen);
      const kept = products.overKeys(inner, minus(inner, found.p, replaced), tile.keys(reads[8]!));
      return [plus(inner, readBefore!, kept), plus(inner, replacedBefore!, inner.reduceLast(replaced, "add"))];
    },
    finish: (inner, tile, { reads, sums: [kept, replaced] }) => [
      plus(inner, kept!, times(inner, replaced!, tile.queries(reads[7]!))),
    ],
  }) as [Hlo];
  return queryRows(hlo, out, seen.rows);
}

/** What of a tile is seen, [kv, G, Q, K] each: probabilities, and 1 where a key is seen that may be replaced. */
interface Found {
  readonly p: Hlo;
  readonly seen: Hlo;
}

class Seen {
  readonly all: Attended;
  readonly #products: TileProducts;
  /** What `in` reads first of a pass: queries, keys, logarithms of what softmax divides by, 1 for visual keys. */
  readonly reads: readonly Hlo[];
  /** Shapes of sums over all heads and of each. */
  readonly ofAll = [1, 1, Q, 1];
  readonly ofHead: readonly number[];
  readonly rows: number;

  constructor(all: Attended, products: TileProducts, reads: readonly Hlo[]) {
    this.all = all;
    this.#products = products;
    this.reads = reads;
    this.ofHead = [...all.q.shape.slice(0, 2), Q, 1];
    this.rows = all.q.shape[2]! - Q;
  }

  in(hlo: HloWriter, tile: Tile, reads: readonly Hlo[]): Found {
    const p = probabilities(hlo, tile, this.#products, reads);
    return { p, seen: times(hlo, above(hlo, p, leastSeen), hlo.reshape(tile.keys(reads[3]!), [1, 1, 1, K])) };
  }

  /** How far what is seen is off its mean. */
  off(hlo: HloWriter, tile: Tile, { p, seen }: Found, mean: Hlo): Hlo {
    return times(hlo, minus(hlo, p, tile.queries(mean)), seen);
  }
}

/** Of each query: mean and variance of what is seen, over all heads, and by head the mean value that replaces. */
function statistics(hlo: HloWriter, seen: Seen): Record<"mean" | "variance" | "instead", Hlo> {
  const {
    all: { v, tiles },
    rows,
    ofAll,
    ofHead,
  } = seen;
  const means = times(hlo, hlo.reduceLast(hlo.convert(v, "f32"), "add"), hlo.constant(1 / v.shape[2]!));
  const results = [ofAll, ofAll, ofHead, ofHead];
  const [count, mass, seenOf, meansOf] = overTiles(hlo, tiles, rows, {
    reads: [...seen.reads, means],
    sums: results.map((shape) => ({ shape })),
    results,
    finish: asTheyAre,
    step: (inner, tile, { reads, sums }) => {
      const { p, seen: ones } = seen.in(inner, tile, reads);
      const ofKey = inner.reshape(tile.keys(reads[4]!), [reads[4]!.shape[0]!, 1, 1, K]);
      const more = [
        sumOver(inner, ones, 0, 1, 3),
        sumOver(inner, times(inner, p, ones), 0, 1, 3),
        sumOver(inner, ones, 3),
        sumOver(inner, times(inner, ones, ofKey), 3),
      ];
      return sums.map((before, i) => plus(inner, before, more[i]!));
    },
  }) as [Hlo, Hlo, Hlo, Hlo];
  const mean = over(hlo, mass, atLeast(hlo, count, 1));
  const [squares] = overTiles(hlo, tiles, rows, {
    reads: [...seen.reads, mean],
    sums: [{ shape: ofAll }],
    results: [ofAll],
    finish: asTheyAre,
    step: (inner, tile, { reads, sums: [before] }) => {
      const off = seen.off(inner, tile, seen.in(inner, tile, reads), reads[4]!);
      return [plus(inner, before!, sumOver(inner, times(inner, off, off), 0, 1, 3))];
    },
  }) as [Hlo];
  const variance = over(hlo, squares, atLeast(hlo, minus(hlo, count, hlo.constant(1)), 1));
  return { mean, variance, instead: over(hlo, meansOf, atLeast(hlo, seenOf, 1)) };
}

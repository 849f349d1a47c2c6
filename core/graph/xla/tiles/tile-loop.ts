/**
 * A loop over tiles of queries and keys (ops/block-attention.ts), and arrays as tiles read them. Axes: kv heads of
 * keys, G queries of each, Q queries and K keys of a tile.
 */
import { type BlockHeads, tileFields, tileSize } from "../../ops/block-attention.ts";
import type { Hlo, HloWriter } from "../writer.ts";

const { queries: Q, keys: K } = tileSize;

/** Rows [rows, kv·G·size] as [kv, G, rows + Q, size]: a tile may reach beyond the last. */
export function byQuery(hlo: HloWriter, x: Hlo, { kvHeads, heads }: Pick<BlockHeads, "kvHeads" | "heads">): Hlo {
  const [rows, width] = x.shape as [number, number];
  const cut = hlo.transpose(hlo.reshape(x, [rows, kvHeads, heads / kvHeads, width / heads]), [1, 2, 0, 3]);
  return longer(hlo, cut, 2, Q);
}

/** Rows [rows, kv·size] as [kv, rows + K, size]. */
export function byKey(hlo: HloWriter, x: Hlo, kvHeads: number): Hlo {
  const [rows, width] = x.shape as [number, number];
  return longer(hlo, hlo.transpose(hlo.reshape(x, [rows, kvHeads, width / kvHeads]), [1, 0, 2]), 1, K);
}

function longer(hlo: HloWriter, x: Hlo, axis: number, by: number): Hlo {
  const more = x.shape.map((size, i) => (i === axis ? by : size));
  return hlo.concat([x, hlo.filled(0, more, x.type)], axis);
}

/** [kv, G, rows + Q, size] as rows [rows, kv·G·size]. */
export function queryRows(hlo: HloWriter, x: Hlo, rows: number): Hlo {
  const [kv, group, , size] = x.shape as [number, number, number, number];
  return hlo.reshape(hlo.transpose(hlo.slice(x, 2, 0, rows), [2, 0, 1, 3]), [rows, kv * group * size]);
}

/** [kv, rows + K, size] as rows [rows, kv·size]. */
export function keyRows(hlo: HloWriter, x: Hlo, rows: number): Hlo {
  const [kv, , size] = x.shape as [number, number, number];
  return hlo.reshape(hlo.transpose(hlo.slice(x, 1, 0, rows), [1, 0, 2]), [rows, kv * size]);
}

/** A tile in a round of the loop. */
export class Tile {
  readonly #hlo: HloWriter;
  readonly #fields: readonly Hlo[];

  constructor(hlo: HloWriter, fields: Hlo) {
    this.#hlo = hlo;
    this.#fields = tileFields.map((_, i) => hlo.reshape(hlo.slice(fields, 0, i, 1), []));
  }

  field(name: (typeof tileFields)[number]): Hlo {
    return this.#fields[tileFields.indexOf(name)]!;
  }

  get isFirst(): Hlo {
    return this.#hlo.compare("EQ", this.field("isFirst"), this.#hlo.constant(1, "i32"));
  }

  /** Of an array [a, b, rows + Q, c]. */
  queries(x: Hlo): Hlo {
    return this.#hlo.read(x, this.field("q0"), 2, Q);
  }

  /** Of an array [a, rows + K, c]. */
  keys(x: Hlo): Hlo {
    return this.#hlo.read(x, this.field("k0"), 1, K);
  }

  /** Which queries read which keys, of `shape` [kv, G, Q, K]. */
  mask(shape: readonly number[]): Hlo {
    const hlo = this.#hlo;
    const number = (name: (typeof tileFields)[number]): Hlo => hlo.stretch(this.field(name), [Q, K]);
    const from = (first: "q0" | "k0", axis: number): Hlo => hlo.map("add", hlo.iota([Q, K], axis), number(first));
    const [query, key] = [from("q0", 0), from("k0", 1)];
    const isThere = hlo.map("and", hlo.compare("LT", query, number("q1")), hlo.compare("LT", key, number("k1")));
    const isSeen = hlo.compare("EQ", number("isOwn"), hlo.stretch(hlo.constant(0, "i32"), [Q, K]));
    const isBefore = hlo.map("or", isSeen, hlo.compare("LE", key, query));
    return hlo.broadcast(hlo.map("and", isThere, isBefore), shape, [2, 3]);
  }
}

/** A loop over the tiles: sums of a tile's queries begin anew with its first keys. */
export interface Pass {
  /** Arrays that a tile reads of. */
  readonly reads: readonly Hlo[];
  /** Shapes of sums [a, b, Q, c], and what they begin with. */
  readonly sums: readonly { readonly shape: readonly number[]; readonly from?: number }[];
  /** Arrays that every tile changes a part of. */
  readonly changed?: readonly Hlo[];
  /** The sums, and after them `changed`, with a tile's part in them. */
  readonly step: (hlo: HloWriter, tile: Tile, now: Now) => readonly Hlo[];
  /** Shapes of what is made of the sums, [a, b, Q, c], and how. */
  readonly results: readonly (readonly number[])[];
  readonly finish: (hlo: HloWriter, tile: Tile, now: Pick<Now, "reads" | "sums">) => readonly Hlo[];
}

export interface Now {
  readonly reads: readonly Hlo[];
  readonly sums: readonly Hlo[];
  readonly changed: readonly Hlo[];
}

/** The results [a, b, rows + Q, c], and after them what was changed. */
export function overTiles(hlo: HloWriter, tiles: Hlo, rows: number, pass: Pass): Hlo[] {
  const { reads, sums, changed = [], results } = pass;
  const begun = sums.map(({ shape, from = 0 }) => hlo.filled(from, shape));
  const written = results.map(([a, b, , c]) => hlo.filled(0, [a!, b!, rows + Q, c!]));
  const parts = [reads, begun, changed, written];
  const cut = (all: readonly Hlo[]): Hlo[][] => {
    let end = 0;
    return parts.map(({ length }) => all.slice((end += length) - length, end));
  };
  const final = hlo.rounds(tiles.shape[0]!, [tiles, ...parts.flat()], (inner, place, [table, ...state]) => {
    const [readNow, sumsNow, changedNow, writtenNow] = cut(state) as [Hlo[], Hlo[], Hlo[], Hlo[]];
    const tile = new Tile(inner, inner.part(table!, place));
    const fresh = sumsNow.map((sum, i) => inner.select(tile.isFirst, inner.filled(sums[i]!.from ?? 0, sum.shape), sum));
    const next = pass.step(inner, tile, { reads: readNow, sums: fresh, changed: changedNow });
    const made = pass.finish(inner, tile, { reads: readNow, sums: next.slice(0, sums.length) });
    // What is written beyond a tile's last query is written over by the next tile.
    const rowsNow = made.map((row, i) => inner.write(writtenNow[i]!, row, tile.field("q0"), 2));
    return [table!, ...readNow, ...next, ...rowsNow];
  });
  const [, , changedThen, writtenThen] = cut(final.slice(1)) as [Hlo[], Hlo[], Hlo[], Hlo[]];
  return [...writtenThen, ...changedThen];
}

/**
 * The draw of a token from scores: softmax, bans, top-k and top-p without sorting, and the inverted cumulative sum, in
 * blocks of the vocabulary.
 */
import type { ElementType } from "./client/pjrt-functions.ts";
import type { Hlo, HloWriter } from "./writer.ts";

/** Tokens of a block, whose masses are added up before it is known in which block the draw falls. */
const block = 512;

export interface DrawArguments {
  /** [rows, V]. */
  readonly scores: Hlo;
  readonly words: Hlo;
  readonly allowed: Hlo;
  readonly topK: Hlo;
  readonly topP: Hlo;
  readonly greedy: boolean;
  readonly truncated: boolean;
}

/** [token int32, token, log-prob, behaviour log-prob], [rows] each; see `drawToken`. */
export function lowerDraw(
  hlo: HloWriter,
  { scores, words, allowed, topK, topP, greedy, truncated }: DrawArguments,
): Hlo[] {
  const w = new Row(hlo, scores);
  const shifted = w.map("subtract", scores, w.over(hlo.reduceLast(scores, "maximum")));
  const masses = w.map("exponential", shifted); // of the largest 1: shares of `total`
  const total = w.sum(masses);
  const open = w.map("multiply", masses, w.across(allowed));
  const kept = greedy || !truncated ? open : topPKept(w, topKKept(w, open, topK), topP);
  const token = greedy ? w.firstLargest(kept) : inverted(w, kept, w.uniform(words));
  const chosen = w.picked(masses, token);
  const logOf = (sum: Hlo): Hlo => hlo.map("log", hlo.convert(sum, "f64"));
  const logProb = hlo.map("subtract", logOf(chosen), logOf(total));
  const behaviour = greedy ? w.filled(0, "f64") : hlo.map("subtract", logOf(chosen), logOf(w.sum(kept)));
  return [token, hlo.convert(token, "f32"), hlo.convert(logProb, "f32"), hlo.convert(behaviour, "f32")];
}

/** The k largest, and all that equal the k-th. */
function topKKept(w: Row, masses: Hlo, topK: Hlo): Hlo {
  const { hlo } = w;
  const wanted = hlo.broadcast(hlo.convert(topK, "f64"), [w.rows], [0]);
  const bits = w.bits(masses);
  const ones = hlo.filled(1, w.shape);
  return w.where(w.atLeast(bits, threshold(w, bits, ones, wanted)), masses);
}

/**
 * The smallest set of largest ones whose sum reaches a share of all; of equal ones at the boundary those of lower
 * index.
 */
function topPKept(w: Row, masses: Hlo, topP: Hlo): Hlo {
  const { hlo } = w;
  const share = hlo.broadcast(hlo.convert(topP, "f64"), [w.rows], [0]);
  const target = hlo.map("multiply", share, w.sum(masses));
  const bits = w.bits(masses);
  const boundary = threshold(w, bits, masses, target);
  const above = w.where(hlo.compare("GT", bits, w.over(w.column(boundary))), masses);
  const tied = hlo.compare("EQ", bits, w.over(w.column(boundary)));
  const value = hlo.convert(hlo.bitcast(boundary, "f32"), "f64");
  const missing = hlo.map("subtract", target, w.sum(above));
  // So many of the equal ones: at least one, as many as it takes.
  const count = hlo.map("maximum", hlo.map("ceil", hlo.map("divide", missing, value)), w.filled(1, "f64"));
  const rank = w.cumulative(hlo.convert(tied, "f32"));
  const isKept = hlo.map("and", tied, hlo.compare("LE", rank, w.over(w.column(hlo.convert(count, "f32")))));
  return hlo.map("add", above, w.where(isKept, masses));
}

/**
 * The largest bit pattern such that the weights of all that are at least as large reach `wanted`, [rows]: two bits at a
 * time.
 */
function threshold(w: Row, bits: Hlo, weights: Hlo, wanted: Hlo): Hlo {
  const { hlo } = w;
  let found = w.filled(0, "i32");
  for (let shift = 30; shift >= 0; shift -= 2) {
    const steps = [1, 2, 3].map((digit) => {
      const candidate = hlo.map("add", found, w.filled(digit << shift, "i32"));
      const reached = hlo.compare("GE", w.sum(w.where(w.atLeast(bits, candidate), weights)), wanted);
      // Past the largest float's pattern, and past the sign bit, nothing is.
      return shift === 30 && digit > 1 ? w.filled(0, "i32") : hlo.convert(reached, "i32");
    });
    const digits = steps.reduce((a, b) => hlo.map("add", a, b));
    found = hlo.map("add", found, hlo.map("multiply", digits, w.filled(1 << shift, "i32")));
  }
  return found;
}

/**
 * The first index whose cumulative sum exceeds `uniform` of the whole; the last that has a mass should rounding keep
 * the sum below it.
 */
function inverted(w: Row, kept: Hlo, uniform: Hlo): Hlo {
  const { hlo, rows } = w;
  const padded = w.padded(kept);
  const blocks = padded.shape[1]! / block;
  const byBlock = hlo.reshape(padded, [rows, blocks, block]);
  const sums = hlo.reduce(hlo.convert(byBlock, "f64"), "add", [2]);
  const upTo = cumulativeLast(hlo, sums);
  const target = hlo.map("multiply", uniform, hlo.reduce(sums, "add", [1]));
  const chosen = place(hlo, upTo, sums, target);
  const isBefore = hlo.compare(
    "LT",
    hlo.iota([rows, blocks], 1),
    hlo.stretch(hlo.reshape(chosen, [rows, 1]), [rows, blocks]),
  );
  const before = hlo.reduce(hlo.select(isBefore, sums, hlo.filled(0, sums.shape, "f64")), "add", [1]);
  const firstRow = hlo.map("multiply", hlo.iota([rows], 0), w.filled(blocks, "i32"));
  const inside = hlo.convert(
    hlo.gatherRows(hlo.reshape(padded, [rows * blocks, block]), hlo.map("add", firstRow, chosen)),
    "f64",
  );
  const within = place(hlo, cumulativeLast(hlo, inside), inside, hlo.map("subtract", target, before));
  return hlo.map("add", hlo.map("multiply", chosen, w.filled(block, "i32")), within);
}

/** Of cumulative sums [rows, n] the first above a target, at most the last whose own part is above 0. */
function place(hlo: HloWriter, cumulative: Hlo, parts: Hlo, target: Hlo): Hlo {
  const [rows, n] = cumulative.shape as [number, number];
  const reached = hlo.compare("LE", cumulative, hlo.stretch(hlo.reshape(target, [rows, 1]), [rows, n]));
  const count = hlo.reduce(hlo.convert(reached, "i32"), "add", [1]);
  const hasMass = hlo.compare("GT", parts, hlo.filled(0, parts.shape, parts.type));
  const last = hlo.reduce(hlo.select(hasMass, hlo.iota([rows, n], 1), hlo.filled(0, [rows, n], "i32")), "maximum", [1]);
  return hlo.map("minimum", count, last);
}

/** Sums of all up to each, along the last axis of [rows, n]; n is small. */
function cumulativeLast(hlo: HloWriter, x: Hlo): Hlo {
  const n = x.shape[1]!;
  const isUpTo = hlo.compare("LE", hlo.iota([n, n], 0), hlo.iota([n, n], 1));
  const triangle = hlo.convert(isUpTo, x.type);
  return hlo.product(x, triangle, { contracting: [[1], [0]] });
}

/** Shorthand for arrays [rows, V] and [rows]. */
class Row {
  readonly hlo: HloWriter;
  readonly shape: readonly number[];
  readonly rows: number;

  constructor(hlo: HloWriter, scores: Hlo) {
    this.hlo = hlo;
    this.shape = scores.shape;
    this.rows = scores.shape[0]!;
  }

  map(name: string, ...inputs: readonly [Hlo, ...Hlo[]]): Hlo {
    return this.hlo.map(name, ...inputs);
  }

  /** [rows, 1] in every column. */
  over(column: Hlo): Hlo {
    return this.hlo.stretch(column, this.shape);
  }

  /** [V] in every row. */
  across(numbers: Hlo): Hlo {
    return this.hlo.broadcast(numbers, this.shape, [1]);
  }

  column(x: Hlo): Hlo {
    return this.hlo.reshape(x, [this.rows, 1]);
  }

  filled(value: number, type: ElementType): Hlo {
    return this.hlo.filled(value, [this.rows], type);
  }

  /** In double precision, [rows]. */
  sum(x: Hlo): Hlo {
    return this.hlo.reduce(this.hlo.convert(x, "f64"), "add", [1]);
  }

  where(condition: Hlo, x: Hlo): Hlo {
    return this.hlo.select(condition, x, this.hlo.filled(0, x.shape, x.type));
  }

  /** The pattern of a float that is not negative grows with its value. */
  bits(x: Hlo): Hlo {
    return this.hlo.bitcast(x, "i32");
  }

  atLeast(bits: Hlo, limit: Hlo): Hlo {
    return this.hlo.compare("GE", bits, this.over(this.column(limit)));
  }

  firstLargest(x: Hlo): Hlo {
    const { hlo } = this;
    const isLargest = hlo.compare("EQ", x, this.over(hlo.reduceLast(x, "maximum")));
    return hlo.reduce(
      hlo.select(isLargest, hlo.iota(this.shape, 1), hlo.filled(this.shape[1]!, this.shape, "i32")),
      "minimum",
      [1],
    );
  }

  picked(x: Hlo, token: Hlo): Hlo {
    const { hlo } = this;
    return hlo.reduce(
      this.where(hlo.compare("EQ", hlo.iota(this.shape, 1), this.over(this.column(token))), x),
      "add",
      [1],
    );
  }

  /** Uniform in [0, 1) with 53 bits. */
  uniform(words: Hlo): Hlo {
    const { hlo, rows } = this;
    const word = (i: number): Hlo => hlo.convert(hlo.reshape(hlo.slice(words, 1, i, 1), [rows]), "f64");
    const number = hlo.map("add", hlo.map("multiply", word(0), this.filled(2 ** 26, "f64")), word(1));
    return hlo.map("multiply", number, this.filled(2 ** -53, "f64"));
  }

  /** Columns of zeros up to whole blocks. */
  padded(x: Hlo): Hlo {
    const missing = (block - (this.shape[1]! % block)) % block;
    return missing === 0 ? x : this.hlo.concat([x, this.hlo.filled(0, [this.rows, missing], x.type)], 1);
  }

  /** Sums of all up to each, [rows, V]; exact for counts. */
  cumulative(x: Hlo): Hlo {
    const { hlo, rows } = this;
    const padded = this.padded(x);
    const blocks = padded.shape[1]! / block;
    const inside = cumulativeLast(hlo, hlo.reshape(padded, [rows * blocks, block]));
    const sums = hlo.reshape(hlo.reduce(hlo.reshape(padded, [rows * blocks, block]), "add", [1]), [rows, blocks]);
    const before = hlo.map("subtract", cumulativeLast(hlo, sums), sums);
    const all = hlo.map("add", inside, hlo.broadcast(hlo.reshape(before, [rows * blocks]), inside.shape, [0]));
    return hlo.slice(hlo.reshape(all, [rows, blocks * block]), 1, 0, this.shape[1]!);
  }
}

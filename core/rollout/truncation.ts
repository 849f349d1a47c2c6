/**
 * Truncation of a next-token distribution: top-k and top-p without sorting the vocabulary.
 *
 * The bit pattern of a non-negative float32 grows with its value, so its upper 11 bits (exponent and 3 bits of
 * mantissa) name a bucket of similar values. One pass adds up the buckets, a walk from the largest down finds the one
 * that holds the boundary, and only that bucket, usually a handful of tokens, is sorted.
 */

/** Two working arrays of one vocabulary size, reused from row to row. */
export interface TruncationScratch {
  /** The distribution, [V]: truncation sets what is cut to 0. */
  readonly row: Float32Array;
  /** The same memory, as bit patterns. */
  readonly bits: Uint32Array;
  readonly bucketSum: Float64Array;
  readonly keys: Float64Array;
}

const BUCKETS = 2048;
const BUCKET_SHIFT = 20;
/** Keys are bits · 2²² + a rank by index: below 2⁵³, so they are exact in a float64. */
const INDEX_SPAN = 2 ** 22;

/** Scratch for rows of `vocabulary` tokens, at most 2²². */
export const createTruncationScratch = (vocabulary: number): TruncationScratch => {
  if (!Number.isInteger(vocabulary) || vocabulary < 1 || vocabulary > INDEX_SPAN) {
    throw new RangeError(
      `A vocabulary of ${vocabulary} tokens cannot be sampled from: between 1 and ${INDEX_SPAN} are possible`,
    );
  }
  const row = new Float32Array(vocabulary);
  return {
    row,
    bits: new Uint32Array(row.buffer),
    bucketSum: new Float64Array(BUCKETS),
    keys: new Float64Array(vocabulary),
  };
};

/**
 * Ascending keys of one bucket's tokens: larger value first from the end, among equal values the lower index first from
 * the end.
 */
const sortedKeysOf = ({ bits, keys }: TruncationScratch, bucket: number): Float64Array => {
  let count = 0;
  for (let index = 0; index < bits.length; index++) {
    const pattern = bits[index]!;
    if (pattern >>> BUCKET_SHIFT === bucket) keys[count++] = pattern * INDEX_SPAN + (INDEX_SPAN - 1 - index);
  }
  return keys.subarray(0, count).sort();
};

/**
 * Sets to 0 what comes after the token of `key` in the order of keys: smaller values, and among its equals the higher
 * indices.
 */
const cutAfter = ({ row, bits }: TruncationScratch, key: number): void => {
  const boundary = Math.floor(key / INDEX_SPAN);
  const boundaryIndex = INDEX_SPAN - 1 - (key % INDEX_SPAN);
  for (let index = 0; index < row.length; index++) {
    const pattern = bits[index]!;
    if (pattern < boundary || (pattern === boundary && index > boundaryIndex)) row[index] = 0;
  }
};

/** Counts the row's tokens by bucket; returns the highest bucket in use. */
const countBuckets = ({ bits, bucketSum }: TruncationScratch): number => {
  bucketSum.fill(0);
  let highest = 0;
  for (let index = 0; index < bits.length; index++) {
    const bucket = bits[index]! >>> BUCKET_SHIFT;
    if (bucket > highest) highest = bucket;
    bucketSum[bucket]! += 1;
  }
  return highest;
};

/** Adds up the row's probabilities by bucket; returns the highest bucket in use and the row's sum. */
const sumBuckets = ({
  row,
  bits,
  bucketSum,
}: TruncationScratch): { readonly highest: number; readonly total: number } => {
  bucketSum.fill(0);
  let highest = 0;
  let total = 0;
  for (let index = 0; index < bits.length; index++) {
    const bucket = bits[index]! >>> BUCKET_SHIFT;
    if (bucket > highest) highest = bucket;
    const value = row[index]!;
    bucketSum[bucket]! += value;
    total += value;
  }
  return { highest, total };
};

/**
 * Top-k: keeps the k largest probabilities of `scratch.row` and all that equal the k-th (as transformers and vLLM do);
 * the rest becomes 0. k = 0 keeps all.
 */
export const keepTopK = (scratch: TruncationScratch, k: number): void => {
  const { row, bucketSum } = scratch;
  if (k === 0 || k >= row.length) return;
  let bucket = countBuckets(scratch);
  let above = 0;
  while (above + bucketSum[bucket]! < k) above += bucketSum[bucket--]!;
  const keys = sortedKeysOf(scratch, bucket);
  const kth = Math.floor(keys[keys.length - (k - above)]! / INDEX_SPAN);
  cutAfter(scratch, kth * INDEX_SPAN);
};

/**
 * Top-p: keeps the smallest set of most likely tokens whose share of the row's mass reaches p, at least one; the rest
 * becomes 0. Of equal probabilities at the boundary the lower indices are kept. p = 1 keeps all.
 */
export const keepTopP = (scratch: TruncationScratch, p: number): void => {
  if (p >= 1) return;
  const { row, bucketSum } = scratch;
  const { highest, total } = sumBuckets(scratch);
  const target = p * total;
  let bucket = highest;
  let above = 0;
  while (bucket > 0 && above + bucketSum[bucket]! < target) above += bucketSum[bucket--]!;
  const keys = sortedKeysOf(scratch, bucket);
  let last = keys.length;
  if (last === 0) return;
  do above += row[INDEX_SPAN - 1 - (keys[--last]! % INDEX_SPAN)]!;
  while (last > 0 && above < target);
  cutAfter(scratch, keys[last]!);
};

/**
 * Resizing of 8-bit RGB as torchvision does it by default: a separable antialiased kernel, fixed-point weights,
 * horizontal pass first, rounded to 8 bits between the passes.
 */
import type { Picture } from "./picture.ts";

/**
 * The contributions to one axis: output i is Σ_k weights[i·taps + k] · input[first[i] + k], shifted right by `shift`.
 */
interface Kernel {
  readonly taps: number;
  readonly first: Int32Array;
  readonly count: Int32Array;
  readonly weights: Int32Array;
  readonly shift: number;
}

/** A kernel and how far it reaches, in pixels of the coarser side. */
interface Filter {
  readonly reach: number;
  /** At x ≥ 0. */
  readonly at: (x: number) => number;
}

/** Bicubic with a = −0.5, and Lanczos over three pixels: transformers' `resample` 3 and 1. */
export const filters = {
  bicubic: { reach: 2, at: cubic },
  lanczos: { reach: 3, at: lanczos },
} as const satisfies Record<string, Filter>;
export type FilterName = keyof typeof filters;

/** Resize to `width` × `height`. An axis that keeps its size is not filtered. */
export function resize(picture: Picture, width: number, height: number, filter: FilterName = "bicubic"): Picture {
  const narrowed = width === picture.width ? picture.data : resizeRows(picture, width, filters[filter]);
  const data =
    height === picture.height ? narrowed : resizeColumns(narrowed, width, picture.height, height, filters[filter]);
  return { width, height, data, source: picture.source };
}

/** The cubic convolution kernel with a = −0.5 (Keys 1981), x ≥ 0. */
function cubic(x: number): number {
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

/** sinc(x) · sinc(x / 3) within three pixels. */
function lanczos(x: number): number {
  if (x === 0) return 1;
  const turn = Math.PI * x;
  return x < 3 ? (3 * Math.sin(turn) * Math.sin(turn / 3)) / turn ** 2 : 0;
}

function kernelOf(from: number, to: number, { reach, at }: Filter): Kernel {
  const scale = from / to;
  const stretch = Math.max(scale, 1); // when shrinking, the kernel widens so that every input pixel counts
  const support = reach * stretch;
  const taps = Math.ceil(support) * 2 + 1;
  const first = new Int32Array(to);
  const count = new Int32Array(to);
  const exact = new Float64Array(to * taps);
  let largest = 0;
  for (let i = 0; i < to; i++) {
    const centre = scale * (i + 0.5);
    const start = Math.max(Math.trunc(centre - support + 0.5), 0);
    const size = Math.min(Math.trunc(centre + support + 0.5), from) - start;
    let sum = 0;
    for (let k = 0; k < size; k++) sum += exact[i * taps + k] = at(Math.abs(start + k - centre + 0.5) / stretch);
    for (let k = 0; k < size; k++) largest = Math.max(largest, (exact[i * taps + k]! /= sum));
    first[i] = start;
    count[i] = size;
  }
  return { taps, first, count, ...fixedPoint(exact, largest) };
}

/** Weights as integers with as many fractional bits as let the largest fit into 16 bits. */
function fixedPoint(exact: Float64Array, largest: number): { weights: Int32Array; shift: number } {
  let shift = 0;
  while (shift < 22 && Math.trunc(0.5 + largest * 2 ** (shift + 1)) < 1 << 15) shift++;
  return {
    weights: Int32Array.from(exact, (weight) => Math.trunc(weight * 2 ** shift + (weight < 0 ? -0.5 : 0.5))),
    shift,
  };
}

/** [height, from, 3] to [height, to, 3]. */
function resizeRows({ data, width, height }: Picture, to: number, filter: Filter): Uint8Array {
  const { taps, first, count, weights, shift } = kernelOf(width, to, filter);
  const half = 1 << (shift - 1);
  const out = new Uint8ClampedArray(height * to * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < to; x++) {
      let r = half;
      let g = half;
      let b = half;
      let at = (y * width + first[x]!) * 3;
      const end = x * taps + count[x]!;
      for (let k = x * taps; k < end; k++, at += 3) {
        const weight = weights[k]!;
        r += weight * data[at]!;
        g += weight * data[at + 1]!;
        b += weight * data[at + 2]!;
      }
      const into = (y * to + x) * 3;
      out[into] = r >> shift;
      out[into + 1] = g >> shift;
      out[into + 2] = b >> shift;
    }
  }
  return new Uint8Array(out.buffer);
}

/** [from, width, 3] to [to, width, 3]. */
function resizeColumns(data: Uint8Array, width: number, from: number, to: number, filter: Filter): Uint8Array {
  const { taps, first, count, weights, shift } = kernelOf(from, to, filter);
  const row = width * 3;
  const sums = new Int32Array(row);
  const out = new Uint8ClampedArray(to * row);
  for (let y = 0; y < to; y++) {
    sums.fill(1 << (shift - 1));
    for (let k = 0; k < count[y]!; k++) {
      const weight = weights[y * taps + k]!;
      const at = (first[y]! + k) * row;
      for (let x = 0; x < row; x++) sums[x]! += weight * data[at + x]!;
    }
    for (let x = 0; x < row; x++) out[y * row + x] = sums[x]! >> shift;
  }
  return new Uint8Array(out.buffer);
}

/** Half-precision number formats on disk: bfloat16 and IEEE float16, to and from float32. */
import { getFloat16 } from "@petamoriken/float16";

/** Widen bfloat16 bit patterns into `out`, [n]. Exact. */
export function widenBfloat16(bits: Uint16Array, out: Float32Array): void {
  const words = new Uint32Array(out.buffer, out.byteOffset, out.length);
  for (let i = 0; i < bits.length; i++) words[i] = bits[i]! << 16;
}

/**
 * Round float32 values to bfloat16 bit patterns, [n]: to nearest, ties to even; every NaN becomes 0x7fc0, as in torch.
 */
export function roundToBfloat16(values: Float32Array): Uint16Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const bits = new Uint16Array(values.length);
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    const isNan = (word & 0x7fffffff) > 0x7f800000;
    bits[i] = isNan ? 0x7fc0 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
  return bits;
}

/**
 * The same with ties towards zero, so that together with the lower 16 bits (`bfloat16Remainder`) the float32 value can
 * be told: above a half the upper bits were rounded up, at a half and below they were not.
 */
export function roundToBfloat16Down(values: Float32Array): Uint16Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(words, (word) => (word >>> 16) + ((word & 0xffff) > 0x8000 ? 1 : 0));
}

/** The lower 16 bits of float32 values, [n]. */
export function bfloat16Remainder(values: Float32Array): Uint16Array {
  return Uint16Array.from(new Uint32Array(values.buffer, values.byteOffset, values.length), (word) => word & 0xffff);
}

/** Give bfloat16 values of `roundToBfloat16Down`, widened to float32, what they left out: in place, exact. */
export function addRemainder(values: Float32Array, remainder: Uint16Array): void {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < words.length; i++) {
    const low = remainder[i]!;
    words[i] = (words[i]! - (low > 0x8000 ? 0x10000 : 0)) | low;
  }
}

let float16Values: Float32Array | null = null;

/** All 65,536 float16 values by bit pattern: a look-up is several times faster than decoding. */
function float16Table(): Float32Array {
  if (float16Values === null) {
    const view = new DataView(new ArrayBuffer(2));
    float16Values = Float32Array.from({ length: 65536 }, (_, bits) => {
      view.setUint16(0, bits);
      return getFloat16(view, 0);
    });
  }
  return float16Values;
}

/** Widen float16 bit patterns into `out`, [n]. Exact. */
export function widenFloat16(bits: Uint16Array, out: Float32Array): void {
  const table = float16Table();
  for (let i = 0; i < bits.length; i++) out[i] = table[bits[i]!]!;
}

/**
 * Round float32 values to float16 bit patterns, [n]: to nearest, ties to even; beyond ±65,504 to infinity; every NaN
 * becomes 0x7e00. On the words themselves: a function of one number and a view takes seconds a million, hours a model.
 */
export function roundToFloat16(values: Float32Array): Uint16Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const bits = new Uint16Array(values.length);
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    const magnitude = word & 0x7fff_ffff;
    bits[i] = magnitude > infinity ? 0x7e00 : ((word >>> 16) & 0x8000) | float16Magnitude(magnitude);
  }
  return bits;
}

/** Float32's. */
const infinity = 0x7f80_0000;
/** 2⁻¹⁴, below which float16's steps are all 2⁻²⁴, and 2¹⁶, from which on it has infinity alone; as float32 words. */
const [smallest, beyond] = [0x3880_0000, 0x4780_0000];

/** The bits of a magnitude, without its sign. */
function float16Magnitude(word: number): number {
  if (word >= beyond) return 0x7c00;
  // The exponent's offset is 112 less, and 13 bits of the fraction go; a carry leads into the exponent, as it should.
  if (word >= smallest) return (word - 0x3800_0000 + 0xfff + ((word >>> 13) & 1)) >>> 13;
  // The fraction with its leading 1, in steps of 2⁻²⁴: below half a step it is 0.
  const shift = 126 - (word >>> 23);
  if (shift > 24) return 0;
  const fraction = (word & 0x7f_ffff) | 0x80_0000;
  const half = 2 ** (shift - 1);
  const [kept, rest] = [fraction >>> shift, fraction & (2 * half - 1)];
  return rest > half || (rest === half && (kept & 1) === 1) ? kept + 1 : kept;
}

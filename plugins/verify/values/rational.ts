/** Exact fractions of whole numbers of any size. */

export interface Rational {
  readonly n: bigint;
  /** Above 0, without a common divisor with n. */
  readonly d: bigint;
}

/** Numbers with more bits than this are left to floating point. */
const mostBits = 40_000;

const abs = (x: bigint): bigint => (x < 0n ? -x : x);

function gcd(a: bigint, b: bigint): bigint {
  let [x, y] = [abs(a), abs(b)];
  while (y !== 0n) [x, y] = [y, x % y];
  return x;
}

/** n / d in lowest terms; null for d = 0. */
export function rational(n: bigint, d = 1n): Rational | null {
  if (d === 0n) return null;
  const divisor = gcd(n, d);
  const sign = d < 0n ? -1n : 1n;
  return divisor === 0n ? { n: 0n, d: 1n } : { n: (sign * n) / divisor, d: (sign * d) / divisor };
}

export const add = (a: Rational, b: Rational): Rational => rational(a.n * b.d + b.n * a.d, a.d * b.d)!;
export const multiply = (a: Rational, b: Rational): Rational => rational(a.n * b.n, a.d * b.d)!;
export const negate = ({ n, d }: Rational): Rational => ({ n: -n, d });
export const equal = (a: Rational, b: Rational): boolean => a.n === b.n && a.d === b.d;

/** a^k for a whole k; null where it is not defined or too large. */
export function power({ n, d }: Rational, k: bigint): Rational | null {
  if (k === 0n) return { n: 1n, d: 1n };
  const size = abs(k);
  const bits = BigInt(Math.max(abs(n).toString(2).length, d.toString(2).length));
  if (size * bits > BigInt(mostBits) && bits > 1n) return null;
  // ±1 to any power, without computing it.
  const [up, down] = bits === 1n ? [n < 0n && size % 2n === 1n ? -1n : abs(n), 1n] : [n ** size, d ** size];
  return k > 0n ? rational(up, down) : rational(down, up);
}

/** The k-th root where it is a fraction, for k ≥ 2 and numbers that are not negative; else null. */
export function root({ n, d }: Rational, k: bigint): Rational | null {
  if (n < 0n || k > 64n) return null;
  const [up, down] = [wholeRoot(n, k), wholeRoot(d, k)];
  return up === null || down === null ? null : { n: up, d: down };
}

function wholeRoot(x: bigint, k: bigint): bigint | null {
  if (x < 2n) return x;
  let guess = 1n << (BigInt(x.toString(2).length) / k + 1n);
  for (;;) {
    const next = ((k - 1n) * guess + x / guess ** (k - 1n)) / k;
    if (next >= guess) return guess ** k === x ? guess : null;
    guess = next;
  }
}

/** "12", "1.25", ".5" as a fraction. */
export function parseDecimal(text: string): Rational {
  const [whole = "", digits = ""] = text.split(".");
  return rational(BigInt(`${whole}${digits}` === "" ? "0" : `${whole}${digits}`), 10n ** BigInt(digits.length))!;
}

/** Numbers whose digits matter: one value, whatever kind of file they come from. */
import { f16round } from "@petamoriken/float16";

/**
 * A number by its digits, where the nearest double is another number or is written otherwise: 2.50,
 * 12345678901234567890, a decimal column's 0.10.
 */
export class NumberText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  /** The double, where it stands for the same value; else the digits. */
  get plain(): number | string {
    const double = Number(this.text);
    return Number.isFinite(double) && canonical(String(double)) === canonical(this.text) ? double : this.text;
  }
}

/** Of digits as JSON writes them: a double where it is written just so. */
export function numberOf(text: string): number | NumberText {
  const double = Number(text);
  return String(double) === text ? double : new NumberText(text);
}

/** Sign, digits without zeros around, and the power of ten of the last: equal for equal values. */
function canonical(text: string): string {
  const [, sign = "", whole = "", fraction = "", power = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const digits = `${whole}${fraction}`.replace(/^0+/, "");
  const short = digits.replace(/0+$/, "");
  return short === "" ? "0" : `${sign}${short}e${Number(power) - fraction.length + digits.length - short.length}`;
}

/** unscaled · 10^−scale with all its digits: 250 and 2 are 2.50. */
export function decimalText(unscaled: bigint, scale: number): string {
  const [sign, digits] = [unscaled < 0n ? "-" : "", String(unscaled < 0n ? -unscaled : unscaled)];
  if (scale <= 0) return `${sign}${digits}${digits === "0" ? "" : "0".repeat(-scale)}`;
  const filled = digits.padStart(scale + 1, "0");
  return `${sign}${filled.slice(0, -scale)}.${filled.slice(-scale)}`;
}

/** The shortest decimal that rounds to a float of 32 bits, as a double: 3.14 for 3.140000104904175. */
export const shortestFloat32 = (value: number): number => shortest(value, Math.fround, 9);

/** The same of 16 bits. */
export const shortestFloat16 = (value: number): number => shortest(value, f16round, 5);

function shortest(value: number, round: (value: number) => number, most: number): number {
  if (!Number.isFinite(value) || (Number.isInteger(value) && Math.abs(value) <= exactIntegers)) return value;
  for (let digits = 1; digits < most; digits++) {
    const short = Number(value.toPrecision(digits));
    if (round(short) === value) return short;
  }
  return Number(value.toPrecision(most));
}

/** Floats of 16 bits and more hold each whole number up to here. */
const exactIntegers = 2 ** 11;

/** A whole number of any size: a double where it can hold it. */
export const wholeNumber = (value: bigint): number | NumberText => numberOf(String(value));

/** What a number of a row's fields was written as, by the names that lead to it. */
export type Digits = readonly [path: readonly string[], text: string];

/** Sizes that programs of fixed shapes are compiled for. */

/**
 * The smallest of 1, 2, 3, 4, 6, 8, 12, 16, 24, … that is at least `size`: two sizes between a number and its double, so that at most a third of an axis
 * is padding and few programs are compiled.
 */
export function bucket(size: number): number {
  let power = 1;
  while (power < size) power *= 2;
  const between = (3 * power) / 4;
  return Number.isInteger(between) && between >= size ? between : power;
}

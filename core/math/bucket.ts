/** Sizes that programs of fixed shapes are compiled for. */

/**
 * The smallest of few sizes that is at least `size`: the powers of two, and between each and its double `steps − 1`
 * more at equal distances. With 2 steps at most a third of an axis is padding, with 8 a ninth.
 */
export function bucket(size: number, steps = 2): number {
  let power = 1;
  while (2 * power <= size) power *= 2;
  const step = Math.max(1, power / steps);
  return Math.ceil(size / step) * step;
}

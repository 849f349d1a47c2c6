/** Several comparisons at once: how sure each is when that there were many is taken into account. */

/**
 * Holm's step-down adjustment (Holm 1979): of m values of p in rising order the i-th is max over j ≤ i of min(1, (m − j
 * + 1) · p_j), so that with all of those below 0.05 called differences the chance of one that is none stays below 0.05.
 * Nulls are no comparisons and stay.
 */
export function holm(chances: readonly (number | null)[]): (number | null)[] {
  const order = chances.flatMap((p, index) => (p === null ? [] : [{ p, index }])).sort((a, b) => a.p - b.p);
  const adjusted: (number | null)[] = chances.map(() => null);
  let least = 0;
  for (const [place, { p, index }] of order.entries()) {
    least = Math.max(least, Math.min(1, (order.length - place) * p));
    adjusted[index] = least;
  }
  return adjusted;
}

/** Standardising numbers over the tokens that count. */

/**
 * (x − mean) / √(var + 1e-8) over entries with mask 1, var unbiased; 0 elsewhere, and everywhere when fewer than two
 * count. In float64.
 */
export function whiten(x: ArrayLike<number>, mask: ArrayLike<number>): Float64Array {
  let [count, sum] = [0, 0];
  for (let i = 0; i < x.length; i++) if (mask[i] !== 0) [count, sum] = [count + 1, sum + x[i]!];
  const out = new Float64Array(x.length);
  if (count < 2) return out;
  const mean = sum / count;
  let squares = 0;
  for (let i = 0; i < x.length; i++) if (mask[i] !== 0) squares += (x[i]! - mean) ** 2;
  const scale = 1 / Math.sqrt(squares / (count - 1) + 1e-8);
  for (let i = 0; i < x.length; i++) if (mask[i] !== 0) out[i] = (x[i]! - mean) * scale;
  return out;
}

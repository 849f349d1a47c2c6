/** Which cells of a picture matter, from attention. */

/**
 * Attention that each of the last `patches` tokens receives from all of them, mean over the maps, [patches]: CLS token
 * and registers, which come first, neither pay nor receive (PAPO, arXiv:2507.06448, App. G.2: s_i = Σ_{j ≥ 2} A[j, i +
 * 1]).
 * @param maps what token j (row) pays to token i, [S, S] each
 */
export function receivedAttention(maps: readonly Float32Array[], patches: number): Float64Array {
  const received = new Float64Array(patches);
  for (const map of maps) {
    const S = Math.sqrt(map.length);
    if (!Number.isInteger(S) || S < patches)
      throw new Error(`an attention map has ${map.length} numbers, at least ${patches} × ${patches} are needed`);
    const before = S - patches;
    for (let from = before; from < S; from++)
      for (let to = 0; to < patches; to++) received[to]! += map[from * S + before + to]! / maps.length;
  }
  return received;
}

/** 1 for the ⌊ratio·N⌋ cells with the most, of equals the earlier ones. */
export function topCells(saliency: ArrayLike<number>, ratio: number): Uint8Array {
  const chosen = new Uint8Array(saliency.length);
  const order = Array.from({ length: saliency.length }, (_, cell) => cell).sort(
    (a, b) => saliency[b]! - saliency[a]! || a - b,
  );
  // A ratio like 0.6 of 5 is 3, whatever floats make of it.
  for (const cell of order.slice(0, Math.floor(ratio * saliency.length + 1e-9))) chosen[cell] = 1;
  return chosen;
}

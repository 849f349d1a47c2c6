/** Rotary tables of sampled tokens, whose three components are equal. */
import type { HostArray } from "../graph/executor.ts";
import type { Decoder } from "../model/model.ts";

/** "cos" and "sin" [...shape, D / 2] of a position each; equal ones are computed once. */
export function rotaryRows(
  decoder: Decoder,
  positions: readonly number[],
  shape: readonly number[],
): Record<"cos" | "sin", HostArray> {
  const half = decoder.headSize / 2;
  const places = new Map([...new Set(positions)].map((position, index) => [position, index]));
  const { cos, sin } = decoder.rotary(Int32Array.from([...places.keys(), ...places.keys(), ...places.keys()]));
  const repeat = (table: Float32Array): HostArray => {
    const data = new Float32Array(positions.length * half);
    positions.forEach((position, row) => {
      const place = places.get(position)!;
      data.set(table.subarray(place * half, (place + 1) * half), row * half);
    });
    return { shape: [...shape, half], data };
  };
  return { cos: repeat(cos), sin: repeat(sin) };
}

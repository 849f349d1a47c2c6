/** What is added to attention's scores over padded slots. */
import type { HostArray } from "../../graph/executor.ts";
import { promptLength } from "../model.ts";
import type { PlacedPrompt } from "./groups.ts";
import type { Extent } from "./sizes.ts";

/** Added to a score to forbid it: exp of it is 0. */
export const forbidden = -1e9;

/** 0 for a prompt's tokens, `forbidden` for its padding, [B, P]. */
export function prefixMask(prompts: readonly PlacedPrompt[], { B, P }: Pick<Extent, "B" | "P">): HostArray {
  const data = new Float32Array(B * P);
  prompts.forEach(({ prompt }, b) => data.fill(forbidden, b * P + promptLength(prompt), (b + 1) * P));
  return { shape: [B, P], data };
}

/** Position i sees 0 … i, [size, size]. */
export function causal(size: number): HostArray {
  const data = new Float32Array(size * size);
  for (let row = 0; row < size; row++) data.fill(forbidden, row * size + row + 1, (row + 1) * size);
  return { shape: [size, size], data };
}

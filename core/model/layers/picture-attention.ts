/**
 * The attention of towers that see whole pictures: one projection for queries, keys and values, turned by the patches'
 * places.
 */
import type { Value } from "../../graph/graph.ts";
import { linear, rope, split } from "../../graph/ops/index.ts";
import type { Parameters } from "../model.ts";
import { packedAttention, type TowerAttention } from "./packed-attention.ts";
import type { PatchInputs, PatchSizes } from "./patch-order.ts";

/** @param block gives "attn.qkv" and "attn.proj", weight and bias each */
export function attendInPictures(
  x: Value,
  block: Parameters,
  { hiddenSize, heads }: PatchSizes,
  { cos, sin, pictures }: PatchInputs,
): Pick<TowerAttention, "received"> & { readonly out: Value } {
  const [q, k, v] = split(
    linear(x, block("attn.qkv.weight"), block("attn.qkv.bias")),
    [hiddenSize, hiddenSize, hiddenSize],
    1,
  ) as [Value, Value, Value];
  const { attended, received } = packedAttention(
    { q: rope(q, cos, sin, heads), k: rope(k, cos, sin, heads), v },
    heads,
    hiddenSize,
    pictures,
  );
  return { out: linear(attended, block("attn.proj.weight"), block("attn.proj.bias")), received };
}

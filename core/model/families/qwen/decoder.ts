/** The decoder of the Qwen-VL families: grouped-query attention with three rotary positions a token. */
import type { TokenIds } from "../../files/config.ts";
import { type DecoderOptions, GroupedQueryDecoder } from "../../layers/decoder.ts";
import type { PatchSizes } from "../../layers/patch-order.ts";
import { gridPositions } from "../../layers/positions.ts";
import { Rotary } from "../../layers/rotary.ts";
import type { QwenTextConfig } from "./config.ts";

/** @param options components: which of time, height and width each rotary frequency follows */
export function qwenDecoder(
  text: QwenTextConfig,
  { image }: TokenIds,
  { mergeSize }: PatchSizes,
  {
    components,
    ...options
  }: Pick<DecoderOptions, "biases" | "headNorms" | "deepFeatures"> & { readonly components: readonly number[] },
): GroupedQueryDecoder {
  return new GroupedQueryDecoder({
    config: text,
    prefix: "model.language_model",
    pictureToken: image,
    positions: (prompt) => gridPositions(prompt, image, mergeSize),
    rotary: new Rotary({ size: text.headSize, theta: text.ropeTheta, components }),
    ...options,
  });
}

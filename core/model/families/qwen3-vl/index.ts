/** Qwen3-VL, as transformers' Qwen3VLForConditionalGeneration computes it. */
import type { ModelFamily } from "../../family.ts";
import { modelOf } from "../../model.ts";
import { interleavedComponents } from "../../layers/rotary.ts";
import { qwenDecoder } from "../qwen/decoder.ts";
import { qwenPictures, qwenReservedTokens, qwenTensorNames } from "../qwen/folder.ts";
import { parseQwen3VlConfig, type Qwen3VlConfig } from "./config.ts";
import { Qwen3VisionTower } from "./vision.ts";

export const qwen3Vl: ModelFamily<Qwen3VlConfig> = {
  type: "qwen3_vl",
  parseConfig: parseQwen3VlConfig,
  createModel: ({ text, vision, tokens }) =>
    modelOf(
      new Qwen3VisionTower(vision),
      qwenDecoder(text, tokens, vision, {
        components: interleavedComponents(text.mropeSection, text.headSize),
        headNorms: true,
        deepFeatures: vision.deepBlocks.length,
      }),
    ),
  createPictures: (settings, { vision }) => qwenPictures(settings, vision),
  tensors: { ...qwenTensorNames, stored: (canonical) => canonical },
  reservedTokens: qwenReservedTokens,
};

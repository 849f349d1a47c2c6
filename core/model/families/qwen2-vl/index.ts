/** Qwen2-VL (arXiv:2409.12191), as transformers' Qwen2VLForConditionalGeneration computes it. */
import type { ModelFamily } from "../../family.ts";
import { modelOf } from "../../model.ts";
import { consecutiveComponents } from "../../layers/rotary.ts";
import { qwenDecoder } from "../qwen/decoder.ts";
import { qwenPictures, qwenReservedTokens, qwenTensorNames } from "../qwen/folder.ts";
import { parseQwen2VlConfig, type Qwen2VlConfig } from "./config.ts";
import { Qwen2VisionTower } from "./vision.ts";

export const qwen2Vl: ModelFamily<Qwen2VlConfig> = {
  type: "qwen2_vl",
  parseConfig: parseQwen2VlConfig,
  createModel: ({ text, vision, tokens }) =>
    modelOf(
      new Qwen2VisionTower(vision),
      qwenDecoder(text, tokens, vision, { components: consecutiveComponents(text.mropeSection), biases: true }),
    ),
  createPictures: (settings, { vision }) => qwenPictures(settings, vision),
  tensors: qwenTensorNames,
  reservedTokens: qwenReservedTokens,
};

/** Qwen2.5-VL (arXiv:2502.13923), as transformers' Qwen2_5_VLForConditionalGeneration computes it. */
import type { ModelFamily } from "../../family.ts";
import { modelOf } from "../../model.ts";
import { consecutiveComponents } from "../../layers/rotary.ts";
import { qwenDecoder } from "../qwen/decoder.ts";
import { qwenPictures, qwenReservedTokens, qwenTensorNames } from "../qwen/folder.ts";
import { parseQwen25VlConfig, type Qwen25VlConfig } from "./config.ts";
import { Qwen25VisionTower } from "./vision.ts";

export const qwen25Vl: ModelFamily<Qwen25VlConfig> = {
  type: "qwen2_5_vl",
  parseConfig: parseQwen25VlConfig,
  createModel: ({ text, vision, tokens }) =>
    modelOf(
      new Qwen25VisionTower(vision),
      qwenDecoder(text, tokens, vision, { components: consecutiveComponents(text.mropeSection), biases: true }),
    ),
  createPictures: (settings, { vision }) => qwenPictures(settings, vision),
  tensors: qwenTensorNames,
  reservedTokens: qwenReservedTokens,
};

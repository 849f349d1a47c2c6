/** Qwen2.5-VL (arXiv:2502.13923), as transformers' Qwen2_5_VLForConditionalGeneration computes it. */
import type { ModelFamily } from "../../family.ts";
import { modelOf } from "../../model.ts";
import { GroupedQueryDecoder } from "../../layers/decoder.ts";
import { gridPositions } from "../../layers/positions.ts";
import { consecutiveComponents, Rotary } from "../../layers/rotary.ts";
import { qwenPictures, qwenReservedTokens, qwenTensorNames } from "../qwen/folder.ts";
import { parseQwen25VlConfig, type Qwen25VlConfig } from "./config.ts";
import { Qwen25VisionTower } from "./vision.ts";

export const qwen25Vl: ModelFamily<Qwen25VlConfig> = {
  type: "qwen2_5_vl",
  parseConfig: parseQwen25VlConfig,
  createModel: ({ text, vision, tokens: { image } }) => modelOf(new Qwen25VisionTower(vision), new GroupedQueryDecoder({
    config: text,
    prefix: "model.language_model",
    pictureToken: image,
    positions: (prompt) => gridPositions(prompt, image, vision.mergeSize),
    rotary: new Rotary({ size: text.headSize, theta: text.ropeTheta, components: consecutiveComponents(text.mropeSection) }),
    biases: true,
  })),
  createPictures: (settings, { vision }) => qwenPictures(settings, vision),
  tensors: qwenTensorNames,
  reservedTokens: qwenReservedTokens,
};

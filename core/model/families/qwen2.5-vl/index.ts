/** Qwen2.5-VL (arXiv:2502.13923), as transformers' Qwen2_5_VLForConditionalGeneration computes it. */
import type { ModelConfig } from "../../files/config.ts";
import type { VisionLanguageModel } from "../../model.ts";
import { QwenDecoder } from "./decoder.ts";
import { QwenVisionTower } from "./vision.ts";

export function createQwen25Vl(config: ModelConfig): VisionLanguageModel {
  const vision = new QwenVisionTower(config.vision);
  const decoder = new QwenDecoder(config.text, config.tokens.image, config.vision.mergeSize);
  return { vision, decoder, parameters: new Map([...vision.parameters(), ...decoder.parameters()]) };
}

/** Families whose pictures are cut into tiles, each encoded alone, over Llama's decoder. */
import type { ModelFamily } from "../../family.ts";
import { modelOf } from "../../model.ts";
import { GroupedQueryDecoder } from "../../layers/decoder.ts";
import { runningPositions } from "../../layers/positions.ts";
import { oneComponent, Rotary } from "../../layers/rotary.ts";
import { parseTileSettings, TileProcessor, tileTokens } from "../../processing/tile-processor.ts";
import { parseTileModelConfig, type TileModelConfig } from "./config.ts";
import { TileVisionTower } from "./vision.ts";

export const tileFamily = (type: string): ModelFamily<TileModelConfig> => ({
  type,
  parseConfig: (raw) => parseTileModelConfig(type, raw),
  createModel({ text, vision: visionConfig, tokens: { image } }) {
    const vision = new TileVisionTower(visionConfig, text.hiddenSize);
    const decoder = new GroupedQueryDecoder({
      config: text,
      prefix: "model.text_model",
      pictureToken: image,
      positions: (prompt) => runningPositions(prompt, image, (picture) => vision.tokens(picture)),
      rotary: new Rotary({ size: text.headSize, theta: text.ropeTheta, components: oneComponent(text.headSize) }),
    });
    return modelOf(vision, decoder);
  },
  createPictures: (settings, { vision }) => new TileProcessor(parseTileSettings(settings, vision)),
  tensors: {
    canonical: (stored) => stored,
    stored: (canonical) => canonical,
    embeddings: "model.text_model.embed_tokens.weight",
  },
  contentInParts: true,
  reservedTokens: tileTokens,
});

/** A model's config.json, in one shape whichever version of transformers wrote it. */
import type { JsonObject } from "./json.ts";

/** The decoder. */
export interface TextConfig {
  readonly hiddenSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headSize: number;
  readonly intermediateSize: number;
  readonly vocabSize: number;
  readonly rmsNormEps: number;
  readonly ropeTheta: number;
  readonly tieWordEmbeddings: boolean;
}

/** Ids with a meaning to the model. */
export interface TokenIds {
  /** Stands for a visual token. */
  readonly image: number;
  /** Null where the config does not say. */
  readonly pad: number | null;
  /** Ids that end a text, as config.json has them; generation_config.json goes before it. */
  readonly eos: readonly number[];
  /** Ids of pictures and videos that a response must never hold, beside `image`. */
  readonly reserved: readonly number[];
}

/** What all families have; each adds its own. */
export interface ModelConfig {
  /** `model_type` in config.json, and the key of the model registry. */
  readonly family: string;
  readonly text: TextConfig;
  readonly tokens: TokenIds;
  /** config.json as it was read: written back, it loses nothing. */
  readonly raw: JsonObject;
}

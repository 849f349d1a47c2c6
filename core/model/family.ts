/**
 * The contract of a model family: what its folder exports, and all that the rest of the project knows of it. A new one
 * is a folder in families/ and a line in registry.ts; test/contract/families.test.ts is what it must pass.
 */
import type { ModelConfig } from "./files/config.ts";
import type { JsonObject } from "./files/json.ts";
import type { VisionLanguageModel } from "./model.ts";
import type { PictureProcessor } from "./processing/picture-processor.ts";

export interface ModelFamily<Config extends ModelConfig = ModelConfig> {
  /** `model_type` in config.json. */
  readonly type: string;
  /**
   * From a parsed config.json; what it leaves out has transformers' defaults.
   * @throws Error saying which key is wrong, without the file's name
   */
  parseConfig(raw: JsonObject): Config;
  /** Traces nothing and allocates nothing: shapes of parameters alone cost no more than their names. */
  createModel(config: Config): VisionLanguageModel;
  /**
   * Pictures to patches, and what stands for them in a prompt.
   * @throws Error where the settings cannot be followed, or contradict the config
   */
  createPictures(settings: PictureSettings, config: Config): PictureProcessor;
  readonly tensors: TensorNames;
  /**
   * Chat templates of the family read a message's content as parts even where it is text alone. Default: they take a
   * text too.
   */
  readonly contentInParts?: boolean;
  /**
   * Tokens as the vocabulary spells them that a response must never hold, where the vocabulary has them; those of the
   * config come on top.
   */
  readonly reservedTokens: readonly string[];
}

/** A folder's settings of pictures. */
export interface PictureSettings {
  /** preprocessor_config.json, or "image_processor" of processor_config.json. */
  readonly image: JsonObject;
  /** processor_config.json, {} where there is none. */
  readonly processor: JsonObject;
  /** Names the file in messages. */
  readonly where: string;
}

/** Names of tensors. The one we use is the name in transformers' model; files may have others. */
export interface TensorNames {
  /** From a name in a file. */
  canonical(stored: string): string;
  /** The name that published files have: every version of transformers reads it. */
  stored(canonical: string): string;
  /** Canonical name of the embeddings, which a tied head equals. */
  readonly embeddings: string;
}

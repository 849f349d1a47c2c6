/** The contract of a model family: what learner, sampler and files need to know of an architecture. */
import type { EncodedPicture } from "./picture.ts";

/** A tokenised prompt with its pictures: one id per visual token, pictures in the order of their placeholders. */
export interface EncodedPrompt {
  readonly ids: Int32Array;
  readonly pictures: readonly EncodedPicture[];
}

/** A model's weights by Hugging Face parameter name, float32, row-major. */
export type Weights = Map<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;

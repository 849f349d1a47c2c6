import type { Batch } from "@papo/core";
import { tensor2d } from "@tensorflow/tfjs-core";
import type { Tensor2D } from "@tensorflow/tfjs-core";

/** 1 for responses to prompts with pictures, 0 for text-only ones, where masking changes nothing, [B, 1]. */
export function pictureRows({ samples, B }: Batch): Tensor2D {
  return tensor2d(
    samples.map(({ prompt }) => (prompt.pictures.length > 0 ? 1 : 0)),
    [B, 1],
  );
}

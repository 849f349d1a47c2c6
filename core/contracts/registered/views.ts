/** A view is a named, seeded, replayable change of a prompt: of its pictures, its visual tokens, or its text. */
import type { ValueChange } from "../../model/model.ts";
import type { EncodedPicture, Picture } from "../../model/processing/picture.ts";
import type { Row, Turn } from "../step/row.ts";
import type { Random } from "../../math/random.ts";

/** Where a view is made. */
export interface PromptContext {
  /** The prompt's, fields included. */
  readonly row: Row;
  /** From 1; 0 outside of a run's steps. @unit steps */
  readonly step: number;
  /** Index of the response in its group that the view is for; null when all responses share it. @unit index */
  readonly response: number | null;
  /** Keyed by (seed, view, step, prompt), by the response too where it is not null. */
  readonly random: Random;
}

/**
 * Attention that each visual token of a picture receives in the policy's own vision tower, [tokens], under the weights
 * at the run's start.
 */
export type PictureAttention = (picture: EncodedPicture) => Promise<Float32Array>;

/** Where a view of a picture is made. */
export interface ViewContext extends PromptContext {
  /** Of views that ask for it: gives [visual tokens] of a picture. */
  readonly attention?: PictureAttention;
  /** Index of the picture in its prompt; `random` is keyed by it too. @unit index */
  readonly picture: number;
}

/** What a prompt is made of. */
export interface PromptParts {
  /** The user's turn; `<image>` marks where a picture goes. */
  readonly prompt: string;
  /** The system turn; null leaves it to the chat template. */
  readonly system: string | null;
  /** Turns before the user's; default none. */
  readonly history?: readonly Turn[];
  /** In the order of their marks. */
  readonly pictures: readonly Picture[];
}

/** A picture as a view shows it: before the processor, after it, and as how many visual tokens. */
export interface ShownPicture {
  /** As the view shows it to the processor. */
  readonly picture: Picture;
  /** What the vision tower reads of it. */
  readonly encoded: EncodedPicture;
  /** What it becomes. @unit visual tokens */
  readonly tokens: number;
}

/**
 * Changes are made in this order: prompt, raw, patches, dropped, regarded; values change as the decoder reads. At least
 * one is given.
 */
export interface View {
  /** Unique in a run; "original" is taken. */
  readonly name: string;
  /**
   * "prompt": made once, before sampling, and shared by all responses; "response": made for each response that is
   * trained on, after sampling. Default "prompt".
   */
  readonly scope?: "prompt" | "response";
  /** Whether `raw` or `patches` read `context.attention`. Default false. */
  readonly attention?: boolean;
  /** Another text, other pictures; once for each prompt or response, before any picture is processed. */
  prompt?(original: PromptParts, context: PromptContext): PromptParts | Promise<PromptParts>;
  /** Change the picture before the processor resizes it: 8-bit RGB, [height, width, 3]. */
  raw?(picture: Picture, context: ViewContext): Picture | Promise<Picture>;
  /** Change the patches after the processor, [patches, channels · temporal · patch · patch]; the grid stays. */
  patches?(picture: EncodedPicture, context: ViewContext): EncodedPicture | Promise<EncodedPicture>;
  /**
   * Which of a picture's visual tokens (1) are left out of the prompt, [tokens]. The others keep their positions: it is
   * exactly as if attention to and from those left out were masked.
   * @unit 0 or 1
   */
  dropped?(tokens: number, context: ViewContext): ArrayLike<number | boolean>;
  /**
   * What text tokens read of the picture inside the decoder; such a view is scored without a gradient, and not sampled
   * from. Default: as it is.
   */
  readonly values?: ValueChange;
  /**
   * Which of a picture's visual tokens (1) outputs about the picture are about, [tokens]: "pictureAttention",
   * "pictureAlignment", "pictureSimilarity". The policy reads the same as without it. Default: all of them.
   * @unit 0 or 1
   */
  regarded?(
    shown: ShownPicture,
    context: ViewContext,
  ): ArrayLike<number | boolean> | Promise<ArrayLike<number | boolean>>;
}

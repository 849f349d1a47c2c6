/** A view is a named, seeded, replayable change of a prompt's pictures. */
import type { EncodedPicture, Picture } from "../model/picture.ts";
import type { Row } from "./batch.ts";
import type { Random } from "../math/random.ts";

export interface ViewContext {
  readonly row: Row;
  readonly step: number;
  /** Index of the picture in its prompt. */
  readonly picture: number;
  /** Keyed by (seed, view, step, prompt, picture). */
  readonly random: Random;
}

export interface View {
  /** Unique in a run; "original" is taken. */
  readonly name: string;
  /** Change the picture before the processor. */
  raw?(picture: Picture, context: ViewContext): Picture | Promise<Picture>;
  /** Change the patches after the processor; the grid stays. */
  patches?(picture: EncodedPicture, context: ViewContext): EncodedPicture;
}

/** The contract of a family's picture processing. */
import type { EncodedPicture, Picture } from "./picture.ts";

export interface PictureProcessor {
  /** Resize, normalise and cut into patches. @throws Error naming the picture when its sides cannot be followed */
  encode(picture: Picture): EncodedPicture;
  /** Visual tokens of a picture. */
  tokens(picture: EncodedPicture): number;
  /**
   * What stands in the prompt's text for a picture.
   * @param mark the token of a visual token, as the vocabulary spells it
   */
  markup(picture: EncodedPicture, mark: string): PictureMarkup;
}

/** Text in which each mark stands for so many visual tokens in a row; all marks together stand for the picture's. */
export interface PictureMarkup {
  readonly text: string;
  readonly tokensPerMark: number;
}

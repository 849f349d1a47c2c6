/** Other models whose scores a plugin asks for: a bigger one, or one that was trained otherwise. */

/**
 * Its weights never change. It reads the policy's own tokens and patches, so that tokenizer and pictures must be the
 * policy's.
 */
export interface Teacher {
  /**
   * Unique in a run; what score requests call its weights. "current", "old", "reference" and names of copies are taken.
   */
  readonly name: string;
  /** A model folder (Hugging Face), from the current folder. */
  readonly folder: string;
}

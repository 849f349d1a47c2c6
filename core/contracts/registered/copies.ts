/** Copies of the weights that follow them, for score requests. */

/**
 * Starts as the weights at the run's start; after every `every`-th step copy ← decay · copy + (1 − decay) · current.
 */
export interface WeightsCopy {
  /** Unique in a run; what score requests call it. "current", "old" and "reference" are taken. */
  readonly name: string;
  /** In [0, 1): 0 makes it the current weights. @unit factor */
  readonly decay: number;
  /** From one move to the next. @unit steps */
  readonly every: number;
}

/** What a learner needs of an optimizer. */
import type { FloatArray } from "../../graph/executor.ts";
import type { Weights } from "../../model/model.ts";
import type { StepReport } from "../learner.ts";

/** An array of a state, row-major; bytes are codes. */
export interface StateArray {
  readonly shape: readonly number[];
  readonly data: Float32Array | Uint8Array;
}

/** The array if it is one of floats. */
export const floatArray = (array: StateArray | undefined): FloatArray | undefined =>
  array?.data instanceof Float32Array ? { shape: array.shape, data: array.data } : undefined;

/** What must be saved to go on exactly: named arrays, and the count of updates. */
export interface OptimizerState {
  readonly updates: number;
  readonly arrays: ReadonlyMap<string, StateArray>;
}

export interface UpdateReport extends StepReport {
  /** A parameter that the update left with an entry that is not finite; null when all are sound. */
  readonly broken: string | null;
}

export interface Optimizer {
  /**
   * Clip the gradients by their common norm and update, in place, the parameters that have one. A norm that is not
   * finite changes nothing.
   */
  update(
    parameters: Weights,
    gradients: ReadonlyMap<string, Float32Array>,
    options: { readonly learningRate: number },
  ): UpdateReport | Promise<UpdateReport>;
  /** The state as it is now; the arrays are the live ones, to be written before the next update. */
  state(): OptimizerState;
  /** Go on from what `state` gave; its arrays are the optimizer's from now on. */
  restore(state: OptimizerState): void;
  /** Free what it has compiled, if anything. */
  release?(): Promise<void>;
}

/**
 * What is done to a graph between the model's definition and the executor. Each can be left out, to see what it gives;
 * results differ by rounding alone.
 */
export interface Passes {
  /** The same op on the same inputs is one node, also between a forward pass and its gradient. */
  readonly commonSubexpressions: boolean;
  /** SwiGLU's gate and GELU have gradients written down, instead of the chain rule through their parts. */
  readonly compositeGradients: boolean;
  /**
   * Weight gradients are computed as soon as they can be, and what they read is let go of, instead of all at the end.
   */
  readonly liveness: boolean;
  /**
   * Tokens with equal histories are computed once, and no padding is, where that saves a tenth of a learner's pass
   * (model/rows/shared.ts).
   */
  readonly sharedRows: boolean;
  /** onnxruntime's own: constants are folded, nodes without effect removed. */
  readonly constantFolding: boolean;
}

export const allPasses: Passes = {
  commonSubexpressions: true,
  compositeGradients: true,
  liveness: true,
  sharedRows: true,
  constantFolding: true,
};

/** Terms become one number and its gradients: the only place where the loss is made. */
import type { Tensor2D } from "@tensorflow/tfjs-core";
import type { Coefficient } from "./coefficients.ts";
import type { Reduction } from "../math/reduce.ts";

/** One term of the loss, over the whole minibatch. loss += sign · coefficient · reduce(value · weights). */
export interface Term {
  /** Unique in a run: "policy", "papo/perception_kl", … */
  readonly name: string;
  /** [B, T], unreduced; entries outside the mask do not count. */
  readonly value: Tensor2D;
  /** Default 1. */
  readonly coefficient?: Coefficient;
  /** 1: minimised; -1: maximised. Default 1. */
  readonly sign?: 1 | -1;
  readonly reduction: Reduction;
}

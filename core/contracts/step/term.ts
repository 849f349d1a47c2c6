/** What a plugin adds to the loss. */
import type { Tensor2D } from "@tensorflow/tfjs-core";
import type { Reduction } from "../../math/reduce.ts";
import type { Coefficient } from "../registered/coefficient.ts";

/** One term of the loss, over the whole minibatch. loss += sign · coefficient · reduce(value · weights). */
export interface Term {
  /** Unique in a run: "policy", "reference/kl", … */
  readonly name: string;
  /**
   * [B, T], unreduced; entries outside the mask do not count. Its gradient is taken with respect to the minibatch's
   * leaves. @unit of the loss, by token
   */
  readonly value: Tensor2D;
  /** From `run.coefficient`, 0 leaves the term out. Default 1. */
  readonly coefficient?: Coefficient;
  /** 1: minimised; -1: maximised. Default 1. */
  readonly sign?: 1 | -1;
  /** How [B, T] becomes a number; see Reduction. */
  readonly reduction: Reduction;
}

/** The name of the objective by convention: the ledger compares every other term with it. */
export const POLICY_TERM = "policy";

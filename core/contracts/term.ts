/** What a plugin adds to the loss. */
import type { Tensor2D } from "@tensorflow/tfjs-core";
import type { Reduction } from "../math/reduce.ts";
import type { Coefficient } from "./coefficient.ts";

/** One term of the loss, over the whole minibatch. loss += sign · coefficient · reduce(value · weights). */
export interface Term {
  /** Unique in a run: "policy", "reference/kl", … */
  readonly name: string;
  /** [B, T], unreduced; entries outside the mask do not count. */
  readonly value: Tensor2D;
  /** Default 1. */
  readonly coefficient?: Coefficient;
  /** 1: minimised; -1: maximised. Default 1. */
  readonly sign?: 1 | -1;
  readonly reduction: Reduction;
}

/** The name of the objective by convention: the ledger compares every other term with it. */
export const POLICY_TERM = "policy";

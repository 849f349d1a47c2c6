/** How [B, T] becomes a number. m is the mask, n_b the tokens of row b. */
export type Reduction =
  /** Σ x·m / max(1, Σ m): every token counts the same (DAPO, arXiv:2503.14476; the PAPO release). */
  | "token_mean"
  /** mean over all B rows of Σ_t x·m / max(1, n_b) (GRPO, arXiv:2402.03300; TRL). */
  | "sequence_mean"
  /** The same over rows with n_b > 0 only (verl). */
  | "sequence_mean_nonempty"
  /** mean over all B rows of Σ_t x·m. */
  | "sequence_sum"
  /** Σ x·m / number of rows with n_b > 0. */
  | "sequence_sum_nonempty"
  /** Σ x·m / (B · longest allowed response) (Dr. GRPO, arXiv:2503.20783). */
  | "constant"
  /** Σ x·m / longest allowed response (verl's seq-mean-token-sum-norm). */
  | "constant_sum";

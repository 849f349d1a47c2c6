/**
 * A case of verify.json and verify-responses.json: an answer with what it is by construction, and what others say of it
 * (1: the same as the gold answer).
 */
export interface Case {
  readonly kind: string;
  readonly gold: string;
  readonly response: string;
  /** Of a multiple-choice question. */
  readonly choices?: unknown;
  readonly expected: 0 | 1;
  readonly math_verify: 0 | 1;
  readonly mathruler: 0 | 1;
}

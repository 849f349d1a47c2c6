/** Counter-based random numbers: a draw depends on its key and position alone, never on what was drawn before. */
export interface Random {
  /** The sub-generator of these names and numbers. */
  key(...parts: readonly (string | number)[]): Random;
  /** Uniform in [0, 1), 32 bits, at a position of this key. */
  uniform(position: number): number;
  /** The key itself, two 32-bit words: all a sampler needs. */
  readonly words: readonly [number, number];
}

/** A number that may change over time: every one passes through the hook `coefficient` at the start of a step. */
export interface Coefficient {
  readonly name: string;
  /** The value in force in this step. */
  readonly value: number;
}

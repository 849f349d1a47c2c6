/** A number that schedules and guards can change by name: every one passes through the hook `coefficient` at the start of a step. */
export interface Coefficient {
  readonly name: string;
  /** The value in force in this step. */
  readonly value: number;
}

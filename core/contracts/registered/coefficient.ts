/**
 * A number that schedules and guards can change by name: every one passes through the hook `coefficient` at the start
 * of a step.
 */
export interface Coefficient {
  /** Unique in a run: "my_method/gamma". */
  readonly name: string;
  /** The value in force in this step, from when the step begins. @unit factor */
  readonly value: number;
}

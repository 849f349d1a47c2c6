/**
 * What a thread can be sent of a value from a row, whose columns may hold anything: its JSON; undefined for what has
 * none.
 */
export const plainData = (value: unknown): unknown =>
  value === undefined ? undefined : JSON.parse(JSON.stringify(value) ?? "null");

/**
 * Errors on their way between threads: name, message, stack and the chain of causes survive; own fields that clone do
 * too.
 */

/** An error as plain data. */
export interface ErrorDescription {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
  readonly fields: Readonly<Record<string, string | number | boolean | null>>;
  readonly cause?: ErrorDescription;
  /** For an AggregateError. */
  readonly errors?: readonly ErrorDescription[];
}

const DEEPEST_CAUSE = 8;

/** Describes anything that was thrown. */
export const describeError = (thrown: unknown, depth = 0): ErrorDescription => {
  if (!(thrown instanceof Error))
    return { name: "Error", message: `A value that is no error was thrown: ${String(thrown)}`, stack: "", fields: {} };
  const next = depth + 1;
  return {
    name: thrown.name,
    message: thrown.message,
    stack: thrown.stack ?? "",
    fields: plainFieldsOf(thrown),
    ...(thrown.cause !== undefined && depth < DEEPEST_CAUSE ? { cause: describeError(thrown.cause, next) } : {}),
    ...(thrown instanceof AggregateError && depth < DEEPEST_CAUSE
      ? { errors: (thrown.errors as unknown[]).map((error) => describeError(error, next)) }
      : {}),
  };
};

/** Builds the error anew. The stack is the far side's, followed by the place of the call on this side. */
export const restoreError = (description: ErrorDescription, callSite?: Error): Error => {
  const { message, name } = description;
  const options = description.cause === undefined ? {} : { cause: restoreError(description.cause) };
  const error =
    description.errors === undefined
      ? new Error(message, options)
      : new AggregateError(
          description.errors.map((inner) => restoreError(inner)),
          message,
          options,
        );
  if (name !== error.name) Object.defineProperty(error, "name", { value: name, configurable: true, writable: true });
  Object.assign(error, description.fields);
  const here = callSite?.stack?.split("\n").slice(1).join("\n");
  error.stack =
    here === undefined ? description.stack : `${description.stack}\n    in the worker thread, called from\n${here}`;
  return error;
};

const plainFieldsOf = (error: Error): ErrorDescription["fields"] => {
  const fields: Record<string, string | number | boolean | null> = {};
  for (const [key, value] of Object.entries(error) as [string, unknown][]) {
    if (key === "name" || key === "message" || key === "stack") continue;
    if (value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean")
      fields[key] = value;
  }
  return fields;
};

/** Rows that nobody can train on. */

/** A row that cannot be trained on; `onBadRow` or `onLongPrompt` decides what happens. */
export class UnusableRowError extends Error {
  readonly kind: "bad" | "long";

  constructor(kind: "bad" | "long", message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "UnusableRowError";
    this.kind = kind;
  }
}

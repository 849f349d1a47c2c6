/** Weights that an update broke: they, or what they give, are no longer finite. */

/** Saving such weights would keep nothing of worth, and going on from them leads nowhere. */
export class DivergedError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "DivergedError";
  }
}

/**
 * Whether the error, or one that caused it, is a DivergedError. By name: an error from another thread is built anew and
 * has lost its class.
 */
export function isDiverged(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) if (cause.name === "DivergedError") return true;
  return false;
}

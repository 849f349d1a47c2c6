/** A command: what `papo --help` says of it, and what it does with the arguments after its name. */
export interface Command {
  readonly usage: string;
  readonly summary: string;
  /** The exit code where it is not 0. */
  run(args: readonly string[]): Promise<number | void>;
}

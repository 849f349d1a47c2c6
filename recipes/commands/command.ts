/** A command: what `papo --help` says of it, and what it does with the arguments after its name. */
export interface Command {
  readonly usage: string;
  readonly summary: string;
  run(args: readonly string[]): Promise<void>;
}

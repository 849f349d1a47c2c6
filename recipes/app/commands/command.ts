import type { ParseArgsConfig } from "node:util";

/** A command: what `papo --help` says of it, and what it does with the arguments after its name. */
export interface Command {
  readonly usage: string;
  readonly summary: string;
  /** What it takes after "--"; with the values that hold without it. A test holds usage and summary against them. */
  readonly options: NonNullable<ParseArgsConfig["options"]>;
  /** The exit code where it is not 0. */
  run(args: readonly string[]): Promise<number | void>;
}

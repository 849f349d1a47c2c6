/** What a command is: its name, its forms, its table of options, and what it does. */
import { withoutSecrets } from "@papo/core";
import { openDisplay, type Display } from "../display/display.ts";
import { readArguments, typed, type GivenOptions, type Options } from "./options.ts";

export interface Command {
  readonly name: string;
  /** What it is called elsewhere, or might be: for "did you mean". */
  readonly also?: readonly string[];
  /** How it is called, after its name: "<run.ts>". */
  readonly forms: readonly string[];
  /** For help: what it does in one line, then more. */
  readonly summary: readonly string[];
  readonly options: Options;
  /**
   * Run with what stands after its name. The exit code where it is not 0. @throws UsageError naming all that is wrong
   * with the arguments
   */
  run(args: readonly string[]): Promise<number | void>;
}

/** Arguments that a command cannot be run with. */
export class UsageError extends Error {
  constructor(mistakes: readonly string[]) {
    super(mistakes.join("\n"));
    this.name = "UsageError";
  }
}

interface Arguments<O extends Options> {
  readonly values: GivenOptions<O>;
  readonly positionals: readonly string[];
}

export interface CommandSpec<O extends Options> extends Omit<Command, "run" | "forms"> {
  readonly forms: readonly [string, ...string[]];
  readonly options: O;
  /** How many positional arguments there may be; Infinity for any number. */
  readonly positionals: readonly [least: number, most: number];
  /**
   * What is wrong besides, asked where the arguments hold mistakes already, so that all are told at once: without
   * those, the command finds it itself. Positionals may be too many then, and values of unknown options among them.
   */
  readonly besides?: (given: Arguments<O>) => Promise<readonly string[]>;
}

/** A command that prints its result as text. */
export function textCommand<const O extends Options>(
  spec: CommandSpec<O> & { run(given: Arguments<O>): Promise<number | void> | number | void },
): Command {
  return { ...spec, run: async (args) => spec.run(await readAll(spec, args)) };
}

const displayOptions = {
  quiet: { kind: "flag", text: "Print results alone; alarms go to standard error." },
  json: { kind: "flag", text: "Print one event a line as JSON (docs/command-line.md)." },
} as const satisfies Options;

/** A command that says how far it is: it has a display, which `--quiet` and `--json` replace. */
export function command<const O extends Options>(
  spec: CommandSpec<O> & { run(given: Arguments<O> & { readonly display: Display }): Promise<number | void> },
): Command {
  const options = { ...spec.options, ...displayOptions };
  return {
    ...spec,
    options,
    run: async (args) => {
      // Chosen before anything is read, so that a program is told of mistakes in the arguments too.
      const display = openDisplay(args.includes("--json") ? "json" : args.includes("--quiet") ? "quiet" : "live");
      try {
        const conflicts = (values: GivenOptions<typeof displayOptions>): string[] =>
          values.quiet && values.json ? ["--quiet and --json cannot both be given"] : [];
        const { values, positionals } = await readAll(
          { ...spec, options } as CommandSpec<O & typeof displayOptions>,
          args,
          conflicts,
        );
        return await spec.run({ values: values as GivenOptions<O>, positionals, display });
      } catch (error) {
        display.failed(spec.name, withoutSecrets(error instanceof Error ? error.message : String(error)));
        throw error;
      } finally {
        display.close();
      }
    },
  };
}

/** @param conflicts mistakes of values that do not go together */
async function readAll<O extends Options>(
  spec: CommandSpec<O>,
  args: readonly string[],
  conflicts: (values: GivenOptions<O>) => string[] = () => [],
): Promise<Arguments<O>> {
  const {
    name,
    forms,
    options,
    positionals: [least, most],
    besides,
  } = spec;
  const { given, positionals, mistakes: found } = readArguments(args, options);
  const mistakes = [...found];
  const values = typed(options, given, mistakes);
  // What follows an unknown option may have been its value.
  const counted = found.length > 0 || (positionals.length >= least && positionals.length <= most);
  if (!counted)
    mistakes.push(
      `${positionals.length < least ? "something is missing" : `"${positionals.slice(most).join(" ")}" is too much`}: papo ${name} takes ${forms.map((form) => form || "options alone").join(" or ")}`,
    );
  mistakes.push(...conflicts(values));
  if (mistakes.length === 0) return { values, positionals };
  throw new UsageError([...mistakes, ...((await besides?.({ values, positionals })) ?? [])]);
}

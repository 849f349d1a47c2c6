/** The `papo` command line: one file per command in commands/. */
import { readFileSync } from "node:fs";
import { nearest, withoutSecrets } from "@papo/core";
import "../run-file/peers/advice.ts";
import { UsageError, type Command } from "./command-line/command.ts";
import { commandHelp, help, usageLines } from "./command-line/help.ts";
import { listenForStops } from "./stopping.ts";
import { compare } from "./commands/compare.ts";
import { data } from "./commands/data.ts";
import { demo } from "./commands/demo.ts";
import { diff } from "./commands/diff.ts";
import { sft } from "./commands/sft.ts";
import { doctor } from "./commands/doctor.ts";
import { errors } from "./commands/errors.ts";
import { evalCommand } from "./commands/eval.ts";
import { importCommand } from "./commands/import.ts";
import { init } from "./commands/init.ts";
import { merge } from "./commands/merge.ts";
import { plan } from "./commands/plan.ts";
import { report } from "./commands/report.ts";
import { setup } from "./commands/setup.ts";
import { show } from "./commands/show.ts";
import { startModel } from "./commands/start-model.ts";
import { sweep } from "./commands/sweep.ts";
import { verify } from "./commands/verify.ts";
import { watch } from "./commands/watch.ts";
import { replay } from "./commands/replay.ts";
import { trainCommand } from "./commands/train.ts";
import { complain, say } from "./display/say.ts";

/** By name, in the order in which help lists them. */
export const commands: ReadonlyMap<string, Command> = new Map(
  [
    init,
    importCommand,
    trainCommand,
    sft,
    demo,
    compare,
    sweep,
    plan,
    show,
    diff,
    evalCommand,
    replay,
    merge,
    report,
    watch,
    errors,
    verify,
    data,
    setup,
    doctor,
    startModel,
  ].map((command) => [command.name, command]),
);

/** Run a command; the exit code. Errors are printed as a message, with the stack only under --stack. */
export async function main(args: readonly string[]): Promise<number> {
  const stack = args.includes("--stack");
  const [name = "help", ...rest] = args.filter((arg) => arg !== "--stack");
  if (name === "--version" || name === "-v" || name === "version") return sayVersion();
  if (name === "help" || name === "--help" || name === "-h") {
    say(help(commands.values()));
    return 0;
  }
  const command = commands.get(name);
  if (!command) {
    complain(`papo: ${unknownCommand(name)}\n\n${help(commands.values())}`);
    return 2;
  }
  if (rest.includes("--help") || rest.includes("-h")) {
    say(commandHelp(command));
    return 0;
  }
  if (rest.includes("--version")) return sayVersion();
  // Commands that can end in order hold the signals; for all others the first one ends the process, with its code.
  const unlisten = listenForStops();
  try {
    return (await command.run(rest)) ?? 0;
  } catch (error) {
    complain(`\n${withoutSecrets(errorText(command, error, stack))}`);
    return 1;
  } finally {
    unlisten();
  }
}

/** A mistake in the arguments is told with how the command is called. */
function errorText(command: Command, error: unknown, stack: boolean): string {
  const message = error instanceof Error ? (stack ? (error.stack ?? error.message) : error.message) : String(error);
  const usage =
    error instanceof UsageError
      ? [`usage: ${usageLines(command).join("\n       ")}`, `(papo ${command.name} --help says more)`]
      : [];
  return [`papo ${command.name}: ${message}`, ...usage].join("\n");
}

function unknownCommand(name: string): string {
  const meant =
    [...commands.values()].find(({ also = [] }) => also.includes(name.toLowerCase()))?.name ??
    nearest(name, [...commands.keys()]);
  return `there is no command "${name}"${meant === null ? "" : `; did you mean "${meant}"?`}`;
}

function sayVersion(): number {
  const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  say(`papo ${version}`);
  return 0;
}

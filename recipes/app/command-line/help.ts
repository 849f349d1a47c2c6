/** What `papo --help` and `papo <command> --help` print, from the commands' tables. */
import { columns, wrapped } from "../show/text.ts";
import type { Command } from "./command.ts";
import { written, type Option, type Options } from "./options.ts";

/** Options that every command takes. */
export const commonOptions = {
  help: { kind: "flag", text: "Say what a command takes." },
  stack: { kind: "flag", text: "Print where an error came from." },
  version: { kind: "flag", text: "Print the version." },
} as const satisfies Options;

/** How a command is called, a line for each of its forms. */
export const usageLines = ({ name, forms, options }: Command): string[] =>
  forms.map(
    (form) =>
      `papo ${[name, form, Object.keys(options).length > 0 ? "[options]" : ""].filter((part) => part !== "").join(" ")}`,
  );

/** "… (default 8)" */
function sentence(option: Option): string {
  const value = option.kind === "flag" ? undefined : option.default;
  const told =
    option.kind === "flag"
      ? ""
      : option.required === true
        ? " Needed."
        : value === undefined
          ? ""
          : ` Default: ${[value].flat().join(", ")}.`;
  return `${option.text}${option.kind !== "flag" && option.many === true ? " May be given several times." : ""}${told}`;
}

/** An option and what is said of it, a row each. */
export const optionRows = (options: Options): [name: string, text: string][] =>
  Object.entries(options).map(([name, option]) => [written(name, option), sentence(option)]);

export function commandHelp(command: Command): string {
  const summary = command.summary.flatMap((line) => wrapped(line, 0));
  const table = optionRows(command.options);
  return [
    ...usageLines(command),
    "",
    ...summary,
    ...(table.length === 0 ? [] : ["", "Options:", ...columns(table, ["  ", "  "])]),
  ].join("\n");
}

export function help(commands: Iterable<Command>): string {
  return [
    "papo: reinforcement-learning post-training of vision-language models",
    "",
    ...[...commands].flatMap((command) => [
      ...usageLines(command).map((line) => `  ${line}`),
      ...wrapped(command.summary[0] ?? "", 6),
    ]),
    "",
    "papo <command> --help says more.",
    ...columns(optionRows(commonOptions), ["  ", "  "]),
  ].join("\n");
}

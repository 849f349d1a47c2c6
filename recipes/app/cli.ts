/** The `papo` command line: one file per command in commands/. */
import type { Command } from "./commands/command.ts";
import { compare } from "./commands/compare.ts";
import { data } from "./commands/data.ts";
import { demo } from "./commands/demo.ts";
import { diff } from "./commands/diff.ts";
import { sft } from "./commands/sft.ts";
import { doctor } from "./commands/doctor.ts";
import { errors } from "./commands/errors.ts";
import { evalCommand } from "./commands/eval.ts";
import { merge } from "./commands/merge.ts";
import { report } from "./commands/report.ts";
import { setup } from "./commands/setup.ts";
import { show } from "./commands/show.ts";
import { startModel } from "./commands/start-model.ts";
import { verify } from "./commands/verify.ts";
import { trainCommand } from "./commands/train.ts";

/** By name, in the order in which help lists them. */
export const commands: ReadonlyMap<string, Command> = new Map([
  ["train", trainCommand],
  ["sft", sft],
  ["demo", demo],
  ["compare", compare],
  ["show", show],
  ["diff", diff],
  ["eval", evalCommand],
  ["merge", merge],
  ["report", report],
  ["errors", errors],
  ["verify", verify],
  ["data", data],
  ["setup", setup],
  ["doctor", doctor],
  ["start-model", startModel],
]);

/** Run a command; the exit code. Errors are printed as a message, with the stack only under --stack. */
export async function main(args: readonly string[]): Promise<number> {
  const stack = args.includes("--stack");
  const [name = "help", ...rest] = args.filter((arg) => arg !== "--stack");
  if (name === "help" || name === "--help" || name === "-h") {
    console.log(help());
    return 0;
  }
  const command = commands.get(name);
  if (!command) {
    console.error(`papo: there is no command "${name}"\n\n${help()}`);
    return 2;
  }
  if (rest.includes("--help") || rest.includes("-h")) {
    console.log(`${command.usage}\n\n${command.summary}`);
    return 0;
  }
  try {
    return (await command.run(rest)) ?? 0;
  } catch (error) {
    console.error(`\npapo ${name}: ${error instanceof Error ? (stack ? error.stack : error.message) : String(error)}`);
    return 1;
  }
}

const help = (): string =>
  [
    "papo: reinforcement-learning post-training of vision-language models",
    "",
    ...[...commands.values()].map(({ usage, summary }) => `  ${usage}\n      ${summary.split("\n")[0] ?? ""}`),
    "",
    "  papo <command> --help says more; --stack prints where an error came from.",
  ].join("\n");

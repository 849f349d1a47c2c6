/** Running the programs that setting up needs. */
import { spawnSync } from "node:child_process";

/**
 * @param commands each with the arguments that it answers to, the last of which asks for its version @throws Error
 * naming those that do not run
 */
export function requireTools(what: string, commands: readonly (readonly string[])[]): void {
  const lacking = commands.filter(([command, ...args]) => spawnSync(command!, args).status !== 0);
  if (lacking.length === 0) return;
  const names = lacking.map((command) => command.slice(0, -1).join(" ")).join(" and ");
  throw new Error(
    `setting up ${what} needs ${names}: install what is missing; the executor "onnxruntime" needs none of it`,
  );
}

/** @throws Error with the last lines of what failed */
export function execute(command: string, args: readonly string[]): void {
  const { status, stderr, stdout } = spawnSync(command, args, { encoding: "utf8", maxBuffer: 2 ** 26 });
  if (status === 0) return;
  const said = `${stdout}\n${stderr}`.trim().split("\n").slice(-12).join("\n");
  throw new Error(`${command} failed:\n${said}`);
}

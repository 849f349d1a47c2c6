/** A command of papo that is killed once something is there, as a machine that loses its power does. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { root } from "./part.ts";

/** Ended by a limit of its own: nothing here takes so long. */
const mostMilliseconds = 300_000;

/**
 * @param reached asked every few milliseconds; the command is sent SIGKILL once it says so. @returns the signal that
 * ended it, or its exit code where it was done before
 */
export async function killWhen(
  args: readonly string[],
  cwd: string,
  reached: () => boolean,
): Promise<NodeJS.Signals | number> {
  console.log(`   papo ${args.join(" ")}, until it is killed`);
  const child = spawn(process.execPath, [join(root, "recipes/papo.mjs"), ...args], {
    cwd,
    stdio: ["ignore", "ignore", "inherit"],
  });
  const ended = new Promise<NodeJS.Signals | number>((resolve) =>
    child.on("close", (code, signal) => resolve(signal ?? code ?? 1)),
  );
  let over = false;
  void ended.then(() => (over = true));
  const started = Date.now();
  while (!over) {
    if (reached() || Date.now() - started > mostMilliseconds) child.kill("SIGKILL");
    await wait(5);
  }
  return ended;
}

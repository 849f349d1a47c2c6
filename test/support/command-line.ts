/** The command line as a user runs it: in a process of its own. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The project's folder. */
export const root = fileURLToPath(new URL("../../", import.meta.url));

/** What a user sees of `papo`. */
export interface CommandOutcome {
  readonly code: number | null;
  readonly output: string;
}

/** Run `papo` in a process of its own, in `cwd`; with `largestFile`, writing more bytes to one file fails as on a full disk. */
export const papo = (args: readonly string[], cwd: string, largestFile?: number): Promise<CommandOutcome> =>
  new Promise((resolve) => {
    const command = [process.execPath, join(root, "recipes/papo.mjs"), ...args];
    const limited = largestFile === undefined ? command : ["/bin/sh", "-c", limitFiles, String(largestFile), ...command];
    const child = spawn(limited[0]!, limited.slice(1), { cwd });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.on("close", (code) => {
      resolve({ code, output });
    });
  });

/** Limit files to $0 bytes, in the blocks of 512 that POSIX gives sh, and run the rest. */
const limitFiles = 'ulimit -f $(($0 / 512)); exec "$@"';

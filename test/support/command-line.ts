/** The command line as a user runs it: in a process of its own. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The project's folder. */
export const root = fileURLToPath(new URL("../../", import.meta.url));

/** Runs a script of the tests in a process of its own: `node <this> <script.ts> [arguments]`. */
export const runScript = join(root, "test/support/run-script.mjs");

/** What a user sees of `papo`. */
export interface CommandOutcome {
  readonly code: number | null;
  /** What ended the process, where it did not end itself. */
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
}

/** A signal that is sent when the output matches for the first time. */
export interface SentSignal {
  readonly when: RegExp;
  readonly signal: NodeJS.Signals;
  /** Stop reading before it is sent, as a `tee` that the same Ctrl-C ends. */
  readonly leave?: boolean;
}

/**
 * Run `papo` in a process of its own, in `cwd`; with `largestFile`, writing more bytes to one file fails as on a full
 * disk.
 * @param sent signals, each after the one before
 */
export const papo = (
  args: readonly string[],
  cwd: string,
  largestFile?: number,
  sent: readonly SentSignal[] = [],
): Promise<CommandOutcome> =>
  new Promise((resolve) => {
    const command = [process.execPath, join(root, "recipes/papo.mjs"), ...args];
    const limited =
      largestFile === undefined ? command : ["/bin/sh", "-c", limitFiles, String(largestFile), ...command];
    const child = spawn(limited[0]!, limited.slice(1), { cwd });
    let output = "";
    const waiting = [...sent];
    const hear = (chunk: Buffer): void => {
      output += chunk.toString();
      while (waiting[0]?.when.test(output) === true) {
        const { signal, leave = false } = waiting.shift()!;
        if (leave) for (const stream of [child.stdout, child.stderr]) stream.destroy();
        child.kill(signal);
      }
    };
    for (const stream of [child.stdout, child.stderr]) stream.on("data", hear);
    child.on("close", (code, signal) => {
      resolve({ code, signal, output });
    });
  });

/** Limit files to $0 bytes, in the blocks of 512 that POSIX gives sh, and run the rest. */
const limitFiles = 'ulimit -f $(($0 / 512)); exec "$@"';

/** Processes side by side, so many at a time, each a run: what a comparison and a sweep are made of. */
import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { dirname } from "node:path";

export interface SideRun {
  /** For people: "papo, seed 1". */
  readonly name: string;
  /**
   * A module of this package, which is given the words. It has a channel to this process, that closes when this process
   * ends.
   */
  readonly script: string;
  readonly words: readonly string[];
  /** Called before it begins. */
  readonly before?: () => void;
  /** Called when it has ended well. */
  readonly after?: () => void;
  /** A file for what it prints; left out, that is not kept. */
  readonly log?: string;
}

export interface SideBySide {
  /** How many at a time. */
  readonly limit: number;
  readonly say: (line: string) => void;
  /** No further one begins once it fires; those that run are asked to end. */
  readonly signal?: AbortSignal;
  /** The processes that run now. */
  readonly children?: Set<ChildProcess>;
}

/** Run them all. @returns a line for each that failed, with its last words; what was stopped is none */
export async function runSideBySide(
  runs: readonly SideRun[],
  { limit, say, signal, children = new Set() }: SideBySide,
): Promise<string[]> {
  const failures: string[] = [];
  const ask = (): void => {
    for (const child of children) child.kill("SIGINT");
  };
  signal?.addEventListener("abort", ask);
  const stopping = (): boolean => signal?.aborted === true;
  let next = 0;
  const place = async (): Promise<void> => {
    for (let run = runs[next++]; run !== undefined && !stopping(); run = runs[next++]) {
      const start = performance.now();
      run.before?.();
      const failure = await runOne(run, children);
      const stopped = failure !== null && stopping();
      if (failure === null) run.after?.();
      const seconds = ((performance.now() - start) / 1000).toFixed(0);
      say(
        `${run.name}: ${failure === null ? "done" : stopped ? "stopped" : "failed"} after ${seconds} s (${Math.min(next, runs.length)} of ${runs.length} begun)`,
      );
      if (failure !== null && !stopped) failures.push(`${run.name}: ${failure}`);
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, runs.length) }, place));
  signal?.removeEventListener("abort", ask);
  return failures;
}

/**
 * The last words of a run that failed, or null. In a group of its own: Ctrl-C reaches this process alone, which passes
 * it on.
 */
function runOne({ script, words, log }: SideRun, children: Set<ChildProcess>): Promise<string | null> {
  const out = log === undefined ? null : openSync(log, "a");
  const child = spawn(process.execPath, [...loaderOf(script), script, ...words], {
    stdio: ["ignore", out ?? "ignore", "pipe", "ipc"],
    cwd: out === null ? dirname(script) : process.cwd(),
    detached: true,
  });
  if (out !== null) closeSync(out);
  children.add(child);
  let said = "";
  child.stderr?.on("data", (chunk: Buffer) => (said = (said + chunk.toString()).slice(-2000)));
  return new Promise((resolve) => {
    const end = (failure: string | null): void => {
      children.delete(child);
      resolve(failure);
    };
    child.on("error", (error) => end(error.message));
    child.on("close", (code, signal) =>
      end(code === 0 ? null : `${signal ?? `exit ${code}`}: ${said.trim().split("\n").slice(-12).join("\n")}`),
    );
  });
}

/** What Node needs to run a script of this package: nothing where it is built. */
const loaderOf = (script: string): string[] => (script.endsWith(".ts") ? ["--import", "tsx"] : []);

/** For the script of a side run: when the process that began it is gone, however it ended, this one ends too. */
export function endWithParent(end: () => void): void {
  process.once("disconnect", end);
  process.channel?.unref();
}

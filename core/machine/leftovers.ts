/** What processes that were killed left beside a file or folder that they were writing. */
import { existsSync, readdirSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** So long without a sign, in milliseconds, means an end: a number says nothing of a process in another container. */
const SILENCE = 600_000;

/** Whether a process of this number lives here. */
export function isRunning(pid: number): boolean {
  if (pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Remove `<target>.<pid>.tmp` of processes that have ended, the last of them ten minutes ago. */
export function removeLeftovers(target: string): void {
  const folder = dirname(target);
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    const left = name.startsWith(`${basename(target)}.`)
      ? /^\.(\d+)\.tmp$/.exec(name.slice(basename(target).length))
      : null;
    if (left === null || isRunning(Number(left[1]))) continue;
    const path = join(folder, name);
    if (Date.now() - lastWritten(path) > SILENCE) rmSync(path, { recursive: true, force: true });
  }
}

function lastWritten(path: string): number {
  const stats = statSync(path);
  if (!stats.isDirectory()) return stats.mtimeMs;
  return Math.max(stats.mtimeMs, ...readdirSync(path).map((name) => statSync(join(path, name)).mtimeMs));
}

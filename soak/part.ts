/** What a part of the soak is, and how parts run programs. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));

/** A line of the table. */
export interface Result {
  readonly tried: string;
  /** What came of it, in a few words. */
  readonly found: string;
  /** Faults that were tried; 1 where nobody says. */
  readonly faults?: number;
  /** Faults after which something was gone or wrong; where nobody says, all of those of a line that does not hold. */
  readonly lost?: number;
  /** Whether that is as it should be. */
  readonly held: boolean;
}

/** @param count how much of it: `npm run soak -- kills=20`; null: as much as it is meant to be */
export type Part = (count: number | null) => Promise<readonly Result[]> | readonly Result[];

/** Runs a program in the project's folder, or in another, showing what it prints. */
export function run(
  program: string,
  args: readonly string[],
  { cwd = root, env = {} }: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): number | null {
  console.log(`   ${[program, ...args].join(" ")}`);
  return spawnSync(program, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ["ignore", "inherit", "inherit"],
    shell: process.platform === "win32",
  }).status;
}

/** A part that is one program: it holds where the program ends with 0. */
export const script =
  (program: string, args: readonly string[]): Part =>
  () => {
    const status = run(program, args);
    return [{ tried: [program, ...args].join(" ").slice(0, 60), found: `exit code ${status}`, held: status === 0 }];
  };

/** One line for many faults of a kind: how many were tried, and what was lost, each told as it happens. */
export function tally(tried: string, faults: number, losses: readonly string[], found?: string): Result {
  for (const loss of losses) console.log(`   LOST ${loss}`);
  return {
    tried,
    found: found ?? (losses.length === 0 ? "as it should" : losses[0]!.slice(0, 60)),
    faults,
    lost: losses.length,
    held: losses.length === 0,
  };
}

/** The command line in the process of the tests. */
import { vi } from "vitest";
import { main } from "../../recipes/app/cli.ts";
import type { CommandOutcome } from "./command-line.ts";

/**
 * Run `papo` in this process and folder, and hear what it says: a second sooner than in a process of its own. For
 * commands that train nothing.
 */
export async function papoHere(args: readonly string[]): Promise<Pick<CommandOutcome, "code" | "output">> {
  let output = "";
  const hear = (chunk: unknown): boolean => {
    output += String(chunk);
    return true;
  };
  const spies = [
    vi.spyOn(console, "log").mockImplementation((line) => void hear(`${line}\n`)),
    vi.spyOn(console, "error").mockImplementation((line) => void hear(`${line}\n`)),
    vi.spyOn(process.stdout, "write").mockImplementation(hear),
    vi.spyOn(process.stderr, "write").mockImplementation(hear),
  ];
  try {
    return { code: await main(args), output };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

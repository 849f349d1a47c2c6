/** page.json in a run's folder: how a run under way with a page is reached, readable by its user alone. */
import { chmodSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isLocked } from "@papo/core";
import { z } from "zod";
import { trainingStates, type Action } from "../../run-control.ts";

const schema = z.object({
  /** Of its page; on loopback, whatever the file says. */
  address: z.string().regex(/^http:\/\/127\.0\.0\.1:\d{1,5}$/),
  /** What changes of the run need. */
  token: z.string().min(1),
  state: z.enum(trainingStates),
});

export type PageFile = Readonly<z.output<typeof schema>>;

const fileOf = (folder: string): string => join(folder, "page.json");

/** Whole or not at all, and at no moment readable by others. */
export function writePageFile(folder: string, content: PageFile): void {
  const partial = `${fileOf(folder)}.partial`;
  writeFileSync(partial, `${JSON.stringify(content)}\n`, { mode: 0o600, flush: true });
  // An old file of this name keeps its mode.
  chmodSync(partial, 0o600);
  renameSync(partial, fileOf(folder));
}

export function removePageFile(folder: string): void {
  rmSync(fileOf(folder), { force: true });
}

/**
 * Null where no process trains with a page: there is no such file, it is unreadable, or a process that was killed left
 * it.
 */
export function readPageFile(folder: string): PageFile | null {
  try {
    const content = schema.parse(JSON.parse(readFileSync(fileOf(folder), "utf8")));
    return isLocked(folder) ? content : null;
  } catch {
    return null;
  }
}

/** Ask the process that trains for a change. @returns what went wrong, or null */
export async function askTraining({ address, token }: PageFile, action: Action): Promise<string | null> {
  try {
    const response = await fetch(`${address}/api/control`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-papo-token": token },
      body: JSON.stringify({ run: 0, action }),
      signal: AbortSignal.timeout(5000),
    });
    return response.ok ? null : `The run refuses: ${await response.text()}`;
  } catch (error) {
    return `The run does not answer at ${address}: ${(error as Error).message}`;
  }
}

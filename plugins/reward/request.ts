/** Asking a server for a reward: JSON there and back, tried again where that may help. */
import { z } from "zod";
import { onFailureSchema } from "./failure.ts";

export const serverSchema = {
  /** Where requests go. */
  url: z.url({ protocol: /^https?$/ }),
  /** Headers besides Content-Type. */
  headers: z.record(z.string(), z.string()).default({}),
  /** Tries after the first, where the server cannot be reached or answers 429 or 5xx; waits double from half a second. */
  retries: z.int().nonnegative().default(3),
  /** Seconds for one response, tries and waiting included. */
  timeoutSeconds: z.number().positive().meta({ unit: "seconds" }).default(60),
  /** No usable answer within that: "stop" the run, "drop" the response's group, or give this value, logged and counted. */
  onFailure: onFailureSchema,
} as const;

export interface Server {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly retries: number;
}

/** The parsed body of the answer. @throws Error with what the server said, when the last try fails too or trying again cannot help */
export async function askServer({ url, headers, retries }: Server, body: unknown, signal: AbortSignal): Promise<unknown> {
  const content = JSON.stringify(body);
  for (let tried = 0; ; tried++) {
    try {
      const response = await fetch(url, { method: "POST", headers: { "Content-Type": "application/json", ...headers }, body: content, signal });
      const text = await response.text();
      if (response.ok) return parsed(text, url);
      const failure = new Error(`${url} answered ${response.status}: ${text.slice(0, 200)}`);
      if (response.status !== 429 && response.status < 500) throw new FinalError(failure.message);
      throw failure;
    } catch (error) {
      if (error instanceof FinalError || signal.aborted || tried >= retries) throw describe(error as Error, url, tried + 1);
      await pause(500 * 2 ** tried, signal);
    }
  }
}

/** Trying again would give the same. */
class FinalError extends Error {}

function parsed(text: string, url: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new FinalError(`${url} answered no JSON: ${text.slice(0, 200)}`);
  }
}

function describe(error: Error, url: string, tries: number): Error {
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : "";
  const times = tries === 1 ? "" : `, the last of ${tries} tries`;
  return new Error(error.message.startsWith(url) ? `${error.message}${times}` : `${url} cannot be asked: ${error.message}${cause}${times}`, { cause: error });
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new Error("it took too long"));
    }, { once: true });
  });
}

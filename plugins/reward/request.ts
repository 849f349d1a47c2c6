/** Asking a server for a reward: JSON there and back, tried again where that may help. */
import { printable, quoted, Secret, secret, withoutSecrets } from "@papo/core";
import { z } from "zod";
import { onFailureSchema } from "./failure.ts";

export const serverSchema = {
  /** Where requests go. A key does not belong here, since addresses are written down: it is a header. */
  url: z
    .url({ protocol: /^https?$/ })
    .refine((url) => !holdsKey(url), {
      error: "an address without a key or password in it: give that as a header, from the environment",
      params: { secret: true },
    }),
  /**
   * Headers besides Content-Type, secret: { Authorization: environment("REWARD_KEY", "Bearer ") }. They are written
   * nowhere.
   */
  headers: z.record(z.string(), secret()).default({}),
  /**
   * Tries after the first, where the server cannot be reached or answers 429 or 5xx; waits double from half a second.
   */
  retries: z.int().nonnegative().meta({ unit: "tries" }).default(3),
  /** Longest answer that is read, MiB. */
  maxAnswerMegabytes: z.number().positive().meta({ unit: "MiB" }).default(16),
  /** Seconds for one response, tries and waiting included. */
  timeoutSeconds: z.number().positive().meta({ unit: "seconds" }).default(60),
  /**
   * No usable answer within that: "stop" the run, "drop" the response's group, or give this value, logged and counted.
   */
  onFailure: onFailureSchema,
} as const;

/** Whether an address has a user, a password, or a part named as keys are. */
function holdsKey(url: string): boolean {
  const { username, password, searchParams } = new URL(url);
  return (
    username !== "" ||
    password !== "" ||
    [...searchParams.keys()].some((name) => /key|token|secret|password|signature|^sig$/i.test(name))
  );
}

export interface Server {
  readonly url: string;
  readonly headers: Readonly<Record<string, Secret | string>>;
  readonly retries: number;
  /** Default 16. */
  readonly maxAnswerMegabytes?: number;
  /** For messages: when the signal fires. */
  readonly timeoutSeconds: number;
}

export interface Answered {
  /** Parsed. */
  readonly body: unknown;
  /** The same as a message quotes it. */
  readonly said: string;
}

/** Redirects that are followed, on the same host. */
const mostRedirects = 3;

/** What the server answers. @throws Error with what it said, when the last try fails too or trying again cannot help */
export async function askServer(server: Server, body: unknown, signal: AbortSignal): Promise<Answered> {
  const content = JSON.stringify(body);
  for (let tried = 0; ; tried++) {
    try {
      const response = await post(server, content, signal);
      const text = await textOf(response, server);
      if (response.ok) return { body: parsed(text, server.url), said: quoted(text, 120) };
      const failure = `${server.url} answered ${response.status}: ${quoted(text)}`;
      throw response.status !== 429 && response.status < 500 ? new FinalError(failure) : new Error(failure);
    } catch (error) {
      const isLast = error instanceof FinalError || signal.aborted || tried >= server.retries;
      if (isLast) throw describe(error as Error, server, tried + 1, signal);
      await pause(500 * 2 ** tried, signal);
    }
  }
}

/** Trying again would give the same. */
class FinalError extends Error {}

/** What is sent goes to the address that was given and to no other host, whatever the server there says. */
async function post({ url, headers }: Server, body: string, signal: AbortSignal): Promise<Response> {
  const sent = Object.entries(headers).map(
    ([name, value]) => [name, value instanceof Secret ? value.reveal() : value] as const,
  );
  let address = url;
  for (let redirects = 0; ; redirects++) {
    const response = await fetch(address, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...Object.fromEntries(sent) },
      body,
      signal,
      redirect: "manual",
    });
    const to = response.headers.get("location");
    if (response.status < 300 || response.status >= 400 || to === null) return response;
    await response.body?.cancel();
    const next = URL.canParse(to, address) ? new URL(to, address) : null;
    if (next?.origin !== new URL(url).origin) {
      throw new FinalError(
        `${url} redirects to ${quoted(next?.origin ?? to)}, and answers, questions and keys are sent to no other host than the one given: give that address as url`,
      );
    }
    if (redirects >= mostRedirects) throw new FinalError(`${url} redirects more than ${mostRedirects} times`);
    address = next.href;
  }
}

/** The body, as far as it may be long. */
async function textOf(response: Response, { url, maxAnswerMegabytes = 16 }: Server): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > maxAnswerMegabytes * 2 ** 20)
      throw new FinalError(`${url} answered more than ${maxAnswerMegabytes} MiB (the option maxAnswerMegabytes)`);
    chunks.push(chunk);
  }
  // A server may repeat what it was sent.
  return withoutSecrets(Buffer.concat(chunks).toString("utf8"));
}

function parsed(text: string, url: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new FinalError(`${url} answered no JSON: ${quoted(text)}`);
  }
}

function describe(error: Error, { url, timeoutSeconds }: Server, tries: number, signal: AbortSignal): Error {
  const times = tries === 1 ? "" : `, the last of ${tries} tries`;
  if (signal.aborted)
    return new Error(`${url} gave no answer within ${timeoutSeconds} s (the option timeoutSeconds)${times}`, {
      cause: error,
    });
  const message = error.message.startsWith(url)
    ? `${error.message}${times}`
    : `${url} cannot be asked: ${reasonOf(error)}${times}`;
  return new Error(withoutSecrets(message), { cause: error });
}

/**
 * The client says "fetch failed" of a server that cannot be reached and "terminated" of an answer that was cut; why
 * stands in the cause.
 */
function reasonOf(error: Error): string {
  const cause = error.cause instanceof Error ? printable(error.cause.message) : null;
  if (error.message === "terminated") return `its answer was cut short${cause === null ? "" : ` (${cause})`}`;
  return error.message === "fetch failed" && cause !== null && cause !== ""
    ? cause
    : `${printable(error.message)}${cause === null ? "" : ` (${cause})`}`;
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    // The next try finds the signal and ends.
    signal.addEventListener(
      "abort",
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}

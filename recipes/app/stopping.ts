/**
 * How a command is stopped: Ctrl-C (SIGINT), SIGTERM (Slurm, Kubernetes, docker stop) and SIGHUP (a terminal that
 * closes) are one thing. While work holds, the first one asks it to end in order, within a limit; a second one, or the
 * first while nothing holds, ends the process at once. Whoever reads what it says may leave (`| head`; a `tee` that
 * Ctrl-C ends first): work that holds goes on, all else ends at once.
 */
import { constants } from "node:os";
import { exitAtOnce, withoutSecrets } from "@papo/core";
import { complain } from "./display/say.ts";

type StopSignal = "SIGINT" | "SIGTERM" | "SIGHUP";
const signals: readonly StopSignal[] = ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * Seconds after which a process that was told to stop by the system is gone; Slurm and Kubernetes kill after 30. A
 * person may press Ctrl-C again.
 */
export const usualLimit = 25;

/** Why work ended before its end: it was asked to. */
export class StoppedError extends Error {
  constructor() {
    super("stopped");
    this.name = "StoppedError";
  }
}

/** Work that ends in order when it is asked to stop. */
export interface Hold {
  /** Fires when it is asked to stop; its reason is a StoppedError. */
  readonly signal: AbortSignal;
  /**
   * Fires when half of the limit is over: what cannot be ended by then is given up, so that the other half is left for
   * saving.
   */
  readonly giveUp: AbortSignal;
  release(): void;
}

export interface HoldOptions {
  /** Told once, when it is asked to stop. @param limit seconds that are left, null where there is no limit */
  readonly say?: (limit: number | null) => void;
  /**
   * Seconds from being asked to the end of the process. Default: `usualLimit` for the system's signals, none for
   * Ctrl-C.
   */
  readonly limitSeconds?: number | undefined;
}

interface Held extends HoldOptions {
  readonly stop: AbortController;
  readonly giveUp: AbortController;
}

/** The exit code of a process that was stopped, 128 + the signal's number; null while nobody asked. */
let code: number | null = null;
let listeners = 0;
const holds = new Set<Held>();
const cleanups = new Set<() => void>();
const timers = new Set<NodeJS.Timeout>();

/** What a pipe without a reader, and a terminal that is gone, answer. */
const withoutReader = new Set(["EPIPE", "EIO", "ERR_STREAM_DESTROYED"]);
/** As of a process that SIGPIPE ends; Node lets nothing else know of it. */
const pipeCode = 141;
let listensForReaders = false;

/** 130 after Ctrl-C, 143 after SIGTERM, 129 after SIGHUP; null while nobody asked to stop. */
export const stopCode = (): number | null => code;

/**
 * Listen until the returned function is called; while nothing holds, a signal ends the process at once, with its code.
 */
export function listenForStops(): () => void {
  listenForReaders();
  if (listeners++ === 0) for (const signal of signals) process.on(signal, onSignal);
  let listening = true;
  return () => {
    if (!listening) return;
    listening = false;
    if (--listeners > 0) return;
    for (const signal of signals) process.off(signal, onSignal);
    for (const timer of timers) clearTimeout(timer);
    timers.clear();
    code = null;
  };
}

/**
 * Exit code of work that was stopped; errors that are none of stopping are passed on.
 * @param onStop says what to do next: the command that goes on
 */
export async function unlessStopped(work: () => Promise<void>, onStop: () => void): Promise<number | void> {
  try {
    await work();
  } catch (error) {
    if (!isStopped(error)) throw error;
    onStop();
    return code ?? 130;
  }
}

/** Whether something ended because it was asked to. */
export const isStopped = (error: unknown): boolean =>
  error instanceof StoppedError || (error instanceof Error && isStopped(error.cause));

/** The command that this process runs, without some of its words and with others, for a person to copy. */
export const commandWith = (added: readonly string[], without: readonly string[] = []): string =>
  withoutSecrets(
    `npx papo ${shellWords([...process.argv.slice(2).filter((word) => !added.includes(word) && !without.includes(word)), ...added])}`,
  );

/** Words as a shell reads them. */
export const shellWords = (words: readonly string[]): string =>
  words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(" ");

/**
 * Let a first signal end this work in order instead of the process. Where it was asked already, the signals have fired.
 */
export function hold(options: HoldOptions = {}): Hold {
  const unlisten = listenForStops();
  const held: Held = { ...options, stop: new AbortController(), giveUp: new AbortController() };
  holds.add(held);
  if (code !== null) held.stop.abort(new StoppedError());
  return {
    signal: held.stop.signal,
    giveUp: held.giveUp.signal,
    release: () => {
      holds.delete(held);
      unlisten();
    },
  };
}

/**
 * What is done when the process is ended at once: quick, and without waiting. Call the returned function to forget it.
 */
export function beforeEnd(cleanup: () => void): () => void {
  cleanups.add(cleanup);
  return () => cleanups.delete(cleanup);
}

function onSignal(signal: StopSignal): void {
  const again = code !== null;
  code ??= 128 + constants.signals[signal];
  if (again || holds.size === 0) return endNow(signal);
  for (const held of holds) {
    const limit = held.limitSeconds ?? (signal === "SIGINT" ? null : usualLimit);
    held.say?.(limit);
    held.stop.abort(new StoppedError());
    if (limit === null) continue;
    later(limit / 2, () => held.giveUp.abort(new StoppedError()));
    later(limit, () => {
      complain(`not done after ${limit} s: ending at once`);
      endNow(signal);
    });
  }
}

/** For good: the last words of a process find nobody either. */
function listenForReaders(): void {
  if (listensForReaders) return;
  listensForReaders = true;
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (!withoutReader.has(error.code ?? "")) throw error;
      if (holds.size > 0) return;
      code ??= pipeCode;
      endNow("SIGTERM");
    });
  }
}

function later(seconds: number, work: () => void): void {
  const timer = setTimeout(work, 1000 * seconds);
  timer.unref();
  timers.add(timer);
}

/** Threads that compute are not waited for and not unwound: both can take the process down with an abort of its own. */
function endNow(signal: StopSignal): void {
  for (const cleanup of [...cleanups].reverse()) {
    try {
      cleanup();
    } catch {
      // The process ends all the same.
    }
  }
  exitAtOnce(code ?? 1, signal);
}

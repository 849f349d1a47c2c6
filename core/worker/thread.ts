/** One worker thread with a service in it: launch, start, talk, end, and a clear error when it dies. */
import { Worker } from "node:worker_threads";
import { connect, type Caller, type Service } from "./rpc.ts";
import { restoreError, type ErrorDescription } from "./remote-error.ts";

/** The first message of a worker: it serves from now on, or could not start. */
export type Greeting<Hello> = { readonly ready: Hello } | { readonly failed: ErrorDescription };

export interface ServiceThread<S extends Service, Hello> {
  readonly caller: Caller<S>;
  /** What the worker said when it was ready. */
  readonly hello: Hello;
  /** Ends the thread: at once, whatever it does. Calls that wait reject. */
  readonly terminate: () => Promise<void>;
  /** Resolves when the thread has ended, however it did. */
  readonly ended: Promise<void>;
}

export interface ThreadOptions {
  /** For messages: "policy" reads "The policy thread …". */
  readonly name: string;
  /** Limit of the thread's JavaScript heap; arrays of numbers lie outside of it. Default: Node's own. */
  readonly maxOldGenerationMegabytes?: number;
}

/** A worker that loads what it runs, and waits to be told what to serve. */
export interface LaunchedThread<S extends Service, Hello> {
  /**
   * Tell it, once, and wait for its greeting. Rejects with the worker's own error if it cannot start. When the thread
   * ends, calls that wait and all later ones reject, saying why.
   * @param given plain data for its `serveThread`
   */
  start(given: unknown): Promise<ServiceThread<S, Hello>>;
  /** Ends the thread, started or not. */
  terminate(): Promise<void>;
}

/** Launches the worker at `bootstrap`, a .mjs. */
export const launchThread = <S extends Service, Hello>(
  bootstrap: URL,
  { name, maxOldGenerationMegabytes }: ThreadOptions,
): LaunchedThread<S, Hello> => {
  const resourceLimits =
    maxOldGenerationMegabytes === undefined ? {} : { maxOldGenerationSizeMb: maxOldGenerationMegabytes };
  const worker = new Worker(bootstrap, { name, resourceLimits, execArgv: [] });
  let crash: Error | null = null;
  worker.on("error", (error: Error) => (crash = error));
  // A message that cannot be read (no memory for its arrays) leaves its call without an answer: end the thread, so that
  // all calls reject.
  worker.on("messageerror", (error: Error) => {
    crash = error;
    void worker.terminate();
  });
  const ended = new Promise<(waiting?: readonly string[]) => Error>((resolve) => {
    worker.once("exit", (code) => resolve((waiting = []) => describeEnd(name, code, crash, waiting)));
  });
  const terminate = async (): Promise<void> => {
    await worker.terminate();
    await ended;
  };
  const start = async (given: unknown): Promise<ServiceThread<S, Hello>> => {
    const hello = await new Promise<Hello>((resolve, reject) => {
      void ended.then((reason) => reject(reason()));
      worker.once("message", (greeting: Greeting<Hello>) => {
        if ("ready" in greeting) resolve(greeting.ready);
        else reject(restoreError(greeting.failed, new Error("start")));
      });
      worker.postMessage(given);
    });
    const caller = connect<S>(worker);
    void ended.then((reason) => caller.fail(reason));
    return { caller, hello, ended: ended.then(() => undefined), terminate };
  };
  return { start, terminate };
};

/** What a person should know about a thread that ended. */
const describeEnd = (name: string, code: number, crash: Error | null, waiting: readonly string[]): Error => {
  const calls = waiting.length === 0 ? "" : `; not done: ${waiting.join(", ")}`;
  if (crash === null) return new Error(`The ${name} thread has ended (exit code ${code})${calls}`);
  const memory = (crash as NodeJS.ErrnoException).code === "ERR_WORKER_OUT_OF_MEMORY";
  const what = memory
    ? "ran out of memory: use a smaller batch or fewer, smaller pictures"
    : `died of an error: ${crash.message}`;
  return new Error(`The ${name} thread ${what}${calls}`, { cause: crash });
};

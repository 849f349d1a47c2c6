/**
 * Work in a thread of its own, with a time limit that no input can get around: a thread that is late is killed and
 * started again.
 */
import { Worker } from "node:worker_threads";

/** The answer took longer than allowed. */
export class LateError extends Error {
  override readonly name = "LateError";
}

/**
 * What the thread sends: "ready" once, then an answer or an error for each question, in order; "working" before it
 * where there was something to load first.
 */
export type FromThread<A> = "ready" | "working" | { readonly answer: A } | { readonly error: string };

export interface GuardedThreadOptions {
  /** Shown in messages. */
  readonly name: string;
  /** The thread's file, plain JavaScript. */
  readonly file: URL;
  /**
   * Milliseconds for one answer; as long as the process was given less time than this by a machine that has other work,
   * up to `patience` times as many.
   */
  readonly limit: number;
  /**
   * Milliseconds until the thread says that it is working on a question, which it then does at once; default: `limit`,
   * and it need not say so.
   */
  readonly loading?: number;
}

interface Asked<Q, A> {
  readonly question: Q;
  readonly resolve: (answer: A) => void;
  readonly reject: (error: Error) => void;
}

/**
 * How many times its limit a question may take where the process did not compute that long: it waits for the machine
 * then, or for nothing.
 */
const patience = 10;

/** Milliseconds that all threads of this process have computed. */
function computed(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Questions that are with the thread at one time: enough that it never waits for the next. */
const together = 32;

export class GuardedThread<Q, A> {
  readonly #options: GuardedThreadOptions;
  readonly #waiting: Asked<Q, A>[] = [];
  /** Sent and not answered, in order. */
  readonly #sent: Asked<Q, A>[] = [];
  #worker: Worker | null = null;
  #ready = false;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: GuardedThreadOptions) {
    this.#options = options;
  }

  /** @throws LateError; Error when the thread ended, or with what the work threw */
  ask(question: Q): Promise<A> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ question, resolve, reject });
      this.#send();
    });
  }

  /** Ends the thread; it starts again with the next question. */
  async close(): Promise<void> {
    const worker = this.#forget();
    await worker?.terminate();
  }

  #send(): void {
    this.#worker ??= this.#start();
    while (this.#ready && this.#sent.length < together && this.#waiting.length > 0) {
      const asked = this.#waiting.shift()!;
      try {
        this.#worker.postMessage(asked.question);
      } catch (error) {
        asked.reject(error as Error);
        continue;
      }
      this.#sent.push(asked);
      if (this.#sent.length === 1) this.#watch();
    }
    // A thread with nothing to do does not keep the process alive.
    if (this.#sent.length > 0 || this.#waiting.length > 0) this.#worker.ref();
    else this.#worker.unref();
  }

  #start(): Worker {
    const worker = new Worker(this.#options.file, {
      name: this.#options.name,
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: 512 },
    });
    worker.on("message", (message: FromThread<A>) => {
      if (worker !== this.#worker) return;
      if (message === "ready") this.#ready = true;
      else if (message === "working") this.#watch(this.#options.limit);
      else {
        const asked = this.#sent.shift();
        if ("error" in message) asked?.reject(new Error(message.error));
        else asked?.resolve(message.answer);
        this.#watch();
      }
      this.#send();
    });
    worker.on("error", (error) => {
      if (worker === this.#worker) this.#lost(error);
    });
    return worker;
  }

  /** The time of the first unanswered question runs from when the one before it was answered. */
  #watch(limit = this.#options.loading ?? this.#options.limit): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    const [first] = this.#sent;
    const [began, before] = [performance.now(), computed()];
    const over = (): void => {
      if (this.#sent[0] !== first) return;
      const rest = Math.min(limit - (computed() - before), patience * limit - (performance.now() - began));
      if (rest <= 0) this.#late();
      else wait(rest);
    };
    // An answer that waits to be heard, because this side of the process stood still, comes before the verdict that
    // there is none.
    const wait = (milliseconds: number): void =>
      void (this.#timer = setTimeout(() => setImmediate(over), milliseconds));
    if (first === undefined) this.#timer = null;
    else wait(limit);
  }

  #late(): void {
    const late = this.#sent.shift();
    void this.#again()?.terminate();
    late?.reject(new LateError(`it took longer than ${this.#options.limit} ms`));
    if (this.#waiting.length > 0) this.#send();
  }

  /** The thread died: of its question, if it had one, else it cannot start. */
  #lost(error: Error): void {
    const [culprit] = this.#sent.length > 0 ? this.#sent.splice(0, 1) : this.#waiting.splice(0, 1);
    this.#again();
    culprit?.reject(new Error(`The thread "${this.#options.name}" ended: ${error.message}`, { cause: error }));
    if (this.#waiting.length > 0) this.#send();
  }

  /** What was sent waits for the next thread. */
  #again(): Worker | null {
    this.#waiting.unshift(...this.#sent.splice(0));
    return this.#forget();
  }

  #forget(): Worker | null {
    const worker = this.#worker;
    if (this.#timer !== null) clearTimeout(this.#timer);
    [this.#worker, this.#ready, this.#timer] = [null, false, null];
    return worker;
  }
}

/** Verification in a thread of its own, with a time limit that no input can get around: a thread that is late is killed and started again. */
import { Worker } from "node:worker_threads";
import type { Verdict } from "./verify.ts";

export interface Question {
  readonly gold: string;
  readonly response: string;
  /** Of a multiple-choice question: a list of texts, or texts by letter. What is no such thing is passed over. */
  readonly choices?: unknown;
}

/** Late: the answer took longer than allowed. */
export type TimedVerdict = Verdict | { readonly outcome: "late"; readonly expected: null; readonly found: null };

export interface VerifierOptions {
  /** Milliseconds for one answer; default 1000. */
  readonly limit?: number;
}

interface Asked extends Question {
  readonly resolve: (verdict: TimedVerdict) => void;
  readonly reject: (error: Error) => void;
}

/** Questions that are with the thread at one time: enough that it never waits for the next. */
const together = 32;

/** What a thread can be sent: a column may hold anything. */
const plainData = (value: unknown): unknown => (typeof value === "object" && value !== null ? (JSON.parse(JSON.stringify(value)) as unknown) : undefined);

export class Verifier {
  readonly #limit: number;
  readonly #waiting: Asked[] = [];
  /** Sent and not answered, in order. */
  readonly #sent: Asked[] = [];
  #worker: Worker | null = null;
  #ready = false;
  #timer: NodeJS.Timeout | null = null;

  constructor({ limit = 1000 }: VerifierOptions = {}) {
    this.#limit = limit;
  }

  verify(gold: string, response: string, choices?: unknown): Promise<TimedVerdict> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ gold, response, choices, resolve, reject });
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
      this.#sent.push(asked);
      this.#worker.postMessage({ gold: asked.gold, response: asked.response, choices: plainData(asked.choices) } satisfies Question);
      if (this.#sent.length === 1) this.#watch();
    }
    // A thread with nothing to do does not keep the process alive.
    if (this.#sent.length > 0 || this.#waiting.length > 0) this.#worker.ref();
    else this.#worker.unref();
  }

  #start(): Worker {
    const worker = new Worker(new URL("./verify-worker.mjs", import.meta.url), { name: "verifier", execArgv: [], resourceLimits: { maxOldGenerationSizeMb: 512 } });
    worker.on("message", (message: Verdict | "ready") => {
      if (worker !== this.#worker) return;
      if (message === "ready") this.#ready = true;
      else {
        this.#sent.shift()?.resolve(message);
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
  #watch(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = this.#sent.length === 0 ? null : setTimeout(() => this.#late(), this.#limit);
  }

  #late(): void {
    const late = this.#sent.shift();
    const rest = this.#sent.splice(0);
    void this.#forget()?.terminate();
    this.#waiting.unshift(...rest);
    late?.resolve({ outcome: "late", expected: null, found: null });
    if (this.#waiting.length > 0) this.#send();
  }

  /** The thread died: of its question, if it had one, else it cannot start. */
  #lost(error: Error): void {
    const [culprit] = this.#sent.length > 0 ? this.#sent.splice(0, 1) : this.#waiting.splice(0, 1);
    const rest = this.#sent.splice(0);
    this.#forget();
    this.#waiting.unshift(...rest);
    culprit?.reject(new Error(`The verifier's thread ended: ${error.message}`, { cause: error }));
    if (this.#waiting.length > 0) this.#send();
  }

  #forget(): Worker | null {
    const worker = this.#worker;
    if (this.#timer !== null) clearTimeout(this.#timer);
    [this.#worker, this.#ready, this.#timer] = [null, false, null];
    return worker;
  }
}

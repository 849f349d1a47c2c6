/** Verification in a thread that can be killed. */
import { GuardedThread, LateError } from "../thread/guarded-thread.ts";
import { plainData } from "../thread/plain-data.ts";
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

export class Verifier {
  readonly #thread: GuardedThread<Question, Verdict & { readonly consistent: boolean | null }>;

  constructor({ limit = 1000 }: VerifierOptions = {}) {
    this.#thread = new GuardedThread({ name: "verifier", file: new URL("./verify-worker.mjs", import.meta.url), limit });
  }

  /** `consistent`: whether the answer is the one that the response's own reasoning names; null where one of them is missing. */
  async verify(gold: string, response: string, choices?: unknown): Promise<TimedVerdict & { readonly consistent: boolean | null }> {
    try {
      return await this.#thread.ask({ gold, response, choices: plainData(choices) });
    } catch (error) {
      if (error instanceof LateError) return { outcome: "late", expected: null, found: null, consistent: null };
      throw error;
    }
  }

  /** Ends the thread; it starts again with the next question. */
  close(): Promise<void> {
    return this.#thread.close();
  }
}

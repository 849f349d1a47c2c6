/** Verification in a thread that can be killed. */
import { GuardedThread, LateError } from "../../thread/guarded-thread.ts";
import { plainData } from "../../thread/plain-data.ts";
import type { Verdict } from "../verify-answer.ts";

export interface Question {
  readonly gold: string;
  readonly response: string;
  /** Of a multiple-choice question: a list of texts, or texts by letter. What is no such thing is passed over. */
  readonly choices?: unknown;
}

/** A verdict with what else the thread finds out. */
export interface FullVerdict extends Verdict {
  /** Whether the answer is the one that the response's own reasoning names; null where one of them is missing. */
  readonly consistent: boolean | null;
  /** Whether the gold answer can be compared with at all. */
  readonly usableGold: boolean;
}

/** Late: the answer took longer than allowed. */
export type TimedVerdict = Omit<FullVerdict, "outcome"> & { readonly outcome: Verdict["outcome"] | "late" };

export interface VerifierOptions {
  /** Milliseconds for one answer; default 1000. */
  readonly limit?: number;
}

export class Verifier {
  readonly #thread: GuardedThread<Question, FullVerdict>;

  constructor({ limit = 1000 }: VerifierOptions = {}) {
    this.#thread = new GuardedThread({
      name: "verifier",
      file: new URL("./verify-worker.mjs", import.meta.url),
      limit,
    });
  }

  async verify(gold: string, response: string, choices?: unknown): Promise<TimedVerdict> {
    try {
      return await this.#thread.ask({ gold, response, choices: plainData(choices) });
    } catch (error) {
      if (error instanceof LateError)
        return { outcome: "late", expected: null, found: null, consistent: null, usableGold: true };
      throw error;
    }
  }

  /** Ends the thread; it starts again with the next question. */
  close(): Promise<void> {
    return this.#thread.close();
  }
}

/**
 * Turns that end while a sampler in a thread is on: the thread asks what goes on after them, and waits for the answer.
 */
import type { EncodedPrompt } from "../model/model.ts";
import type { EndedTurn, GoOn } from "../rollout/engine.ts";
import type { PictureReceiver, PictureSender, WirePrompts } from "./picture-wire.ts";

/** Turns that have ended, under a number. */
export interface WireQuestion {
  readonly ended: readonly EndedTurn[];
  readonly question: number;
}

/**
 * What goes on after them: whether it does, in their order, and of those for which it does what is put into them; or
 * why that is
 * not known.
 */
export type WireAnswer = { readonly question: number } & (
  { readonly goes: readonly boolean[]; readonly words: WirePrompts } | { readonly failure: string }
);

interface Waiting {
  readonly resolve: (answers: readonly (EncodedPrompt | null)[]) => void;
  readonly reject: (reason: unknown) => void;
}

/** The thread's side. */
export class TurnQuestions {
  readonly #waiting = new Map<number, Waiting>();
  readonly #receiver: PictureReceiver;
  #last = 0;

  constructor(receiver: PictureReceiver) {
    this.#receiver = receiver;
  }

  /** For an engine; questions go out with `send`. */
  asker(send: (question: WireQuestion) => void): GoOn {
    return (ended) =>
      new Promise((resolve, reject) => {
        const question = ++this.#last;
        this.#waiting.set(question, { resolve, reject });
        send({ ended, question });
      });
  }

  /** To be called when the answer arrives, whoever computes then. */
  answered(answer: WireAnswer): void {
    // What is packed is unpacked, though nobody may wait for it any more.
    const words = "words" in answer ? this.#receiver.unpack(answer.words) : [];
    const waiting = this.#waiting.get(answer.question);
    this.#waiting.delete(answer.question);
    let next = 0;
    if ("failure" in answer) waiting?.reject(new Error(answer.failure));
    else waiting?.resolve(answer.goes.map((goes) => (goes ? words[next++]! : null)));
  }

  /** Nobody waits any more. */
  giveUp(): void {
    for (const { reject } of this.#waiting.values())
      reject(new DOMException("This operation was aborted", "AbortError"));
    this.#waiting.clear();
  }
}

/** The other side, for one call of the engine: asks whoever knows, and remembers what that failed with. */
export class TurnAnswers {
  /** What an answer failed with, in a list: the thread is told, and says so in its turn. */
  readonly failures: unknown[] = [];
  readonly #goOn: GoOn;
  readonly #sender: PictureSender;

  constructor(goOn: GoOn, sender: PictureSender) {
    this.#goOn = goOn;
    this.#sender = sender;
  }

  async to({ ended, question }: WireQuestion): Promise<WireAnswer> {
    try {
      const answers = await this.#goOn(ended);
      const words = this.#sender.pack(answers.filter((answer) => answer !== null));
      return { question, goes: answers.map((answer) => answer !== null), words };
    } catch (error) {
      this.failures.push(error);
      return { question, failure: `what goes on after a turn is not known: ${String(error)}` };
    }
  }
}

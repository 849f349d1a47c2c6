/**
 * The process that reads users' files, as the others see it: asked one thing at a time, started when it is needed, gone
 * when they are.
 */
import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import type {
  Answer,
  CloseMessage,
  LastWords,
  OpenAnswer,
  OpenQuestion,
  Question,
  RowsAnswer,
  RowsQuestion,
} from "./messages.ts";
import { parseOptions } from "../../options/options.ts";
import { limitsSchema, type LimitsOptions, type ReadingLimits } from "./reading-options.ts";

/** The process ended while it read; `place` and `index` say what, as far as that is known. */
export class ReaderEndedError extends Error {
  override readonly name = "ReaderEndedError";
  readonly place: string | null;
  readonly index: number;

  constructor(message: string, place: string | null, index: number) {
    super(message);
    this.place = place;
    this.index = index;
  }
}

const child = fileURLToPath(new URL("./reader-child.mjs", import.meta.url));

export class ReaderProcess {
  readonly #limits: ReadingLimits;
  #running: { readonly process: ChildProcess; readonly generation: number } | null = null;
  #generation = 0;
  /** The end of its standard error, where last words stand. */
  #said = "";
  #last: Promise<unknown> = Promise.resolve();

  constructor(limits: ReadingLimits) {
    this.#limits = limits;
  }

  /** Counts its starts: what was opened in an earlier one is to be opened again. */
  get generation(): number {
    return this.#running?.generation ?? -1;
  }

  ask(question: OpenQuestion): Promise<OpenAnswer>;
  ask(question: RowsQuestion): Promise<RowsAnswer>;
  /** @throws ReaderEndedError; Error with what reading came to */
  ask(question: Question): Promise<OpenAnswer | RowsAnswer> {
    const answer = this.#last.then(() => this.#asked(question));
    this.#last = answer.catch(() => undefined);
    return answer;
  }

  /** Start it before it is asked. Why it could not is told whoever asks. */
  begin(): void {
    this.#last = this.#last.then(() => this.#start()).then(rest, () => undefined);
  }

  /** Nobody asks for its rows any more. */
  forget(dataset: number): void {
    this.#running?.process.send({ ask: "close", dataset } satisfies CloseMessage, () => undefined);
  }

  async #asked(question: Question): Promise<OpenAnswer | RowsAnswer> {
    const given = await this.#send(question);
    if ("error" in given) throw new Error(given.error);
    return given.answer;
  }

  async #send(question: Question): Promise<Answer> {
    const reader = await this.#start();
    reader.ref();
    reader.channel?.ref();
    try {
      return await new Promise<Answer>((resolve, reject) => {
        const heard = (answer: Answer): void => {
          reader.off("close", ended);
          resolve(answer);
        };
        const ended = (code: number | null, signal: string | null): void => {
          reader.off("message", heard);
          this.#running = null;
          reject(this.#describe(code, signal));
        };
        reader.once("message", heard as (message: unknown) => void).once("close", ended);
        reader.send(question, (error) => {
          // What ended it says more than that it could not be asked.
          if (error !== null) reader.kill("SIGKILL");
        });
      });
    } finally {
      rest(reader);
    }
  }

  async #start(): Promise<ChildProcess> {
    if (this.#running !== null) return this.#running.process;
    const { megabytes } = this.#limits;
    const reader = fork(child, [JSON.stringify(this.#limits)], {
      serialization: "advanced",
      execArgv: [`--max-old-space-size=${megabytes}`],
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    this.#said = "";
    reader.stderr!.setEncoding("utf8").on("data", (text: string) => (this.#said = (this.#said + text).slice(-4096)));
    (reader.stderr as unknown as { unref(): void }).unref();
    await new Promise<void>((resolve, reject) => {
      const ended = (): void =>
        reject(new Error(`The process that reads data could not start: ${this.#said.trim().slice(-500)}`));
      reader.once("close", ended).once("error", reject);
      reader.once("message", () => {
        reader.off("close", ended);
        resolve();
      });
    });
    const running = { process: reader, generation: ++this.#generation };
    this.#running = running;
    reader.once("close", () => {
      if (this.#running === running) this.#running = null;
    });
    return reader;
  }

  #describe(code: number | null, signal: string | null): ReaderEndedError {
    const { seconds, megabytes } = this.#limits;
    const { reason, place = null, index = -1 } = lastWords(this.#said);
    const memory =
      reason === "memory" || /out of memory|invalid (?:array|table|size)|allocation failed/i.test(this.#said);
    const what =
      reason === "late"
        ? `reading it took longer than ${seconds} s: it may be damaged (limits: { seconds } allows more)`
        : memory
          ? `reading it took more than ${megabytes} MiB: it may be damaged (limits: { megabytes } allows more)`
          : `reading it ended the process that reads data (${signal ?? `exit code ${code}`})`;
    return new ReaderEndedError(what, place, index);
  }
}

/** A process that nobody waits for does not keep this one alive. */
function rest(reader: ChildProcess): void {
  reader.unref();
  reader.channel?.unref();
}

/** The last line that is one. */
function lastWords(said: string): Partial<LastWords> {
  for (const line of said.split("\n").reverse()) {
    if (!line.startsWith("{")) continue;
    try {
      return JSON.parse(line) as LastWords;
    } catch {
      continue;
    }
  }
  return {};
}

/** One process for all datasets of equal limits. */
const readers = new Map<string, ReaderProcess>();

/** @throws Error naming the limit at fault */
export function readerFor(options: LimitsOptions = {}): ReaderProcess {
  const limits = parseOptions("limits", limitsSchema, options);
  const key = JSON.stringify(limits);
  const reader = readers.get(key) ?? new ReaderProcess(limits);
  readers.set(key, reader);
  return reader;
}

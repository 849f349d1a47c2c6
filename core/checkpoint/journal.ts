/** Rewards are written down as they are given: a judge or a time-out does not repeat itself, a replayed step must. */
import { createHash } from "node:crypto";
import { appendFileSync, copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { faultsOf } from "../options/options.ts";
import { writeFileAtomic } from "../machine/atomic-file.ts";
import { textDigest } from "../data/file-digest.ts";

/** One scorer's verdict on one response. */
export interface JournalEntry {
  readonly step: number;
  /** Key of the prompt. */
  readonly prompt: string;
  readonly round: number;
  /** Index of the response in its group. */
  readonly index: number;
  /** Short hash of the response's tokens: a verdict is only reused for the very same response. */
  readonly tokens: string;
  readonly scorer: string;
  /** Null: the scorer does not apply to the response. */
  readonly value: number | null;
  readonly note?: string;
  /** Why the scorer failed, where `value` is the stand-in for a failure. */
  readonly failure?: string;
}

export type EntryKey = Pick<JournalEntry, "step" | "prompt" | "round" | "index" | "tokens" | "scorer">;

/** Short hash of a response's tokens. */
export function tokensDigest(tokens: Int32Array): string {
  const bytes = new Uint8Array(tokens.buffer, tokens.byteOffset, tokens.byteLength);
  return createHash("sha256").update(bytes).digest("hex").slice(0, 16);
}

/**
 * The run's rewards, one file `step-N.jsonl` per step. During a step verdicts are appended in the order they come;
 * when the step is done its file is rewritten in the order of the batch, so that equal runs leave equal files.
 */
export class RewardJournal {
  readonly #folder: string;
  /** Of the steps that were begun and are not done. */
  readonly #known = new Map<number, Map<string, JournalEntry>>();

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true });
  }

  /** Begin a step; verdicts that an interrupted run left for it are used again. */
  begin(step: number): void {
    this.#known.set(step, new Map(readEntries(this.#file(step)).map((entry) => [keyOf(entry), entry])));
  }

  /** The verdict on this very response, when it was given before. */
  find(key: EntryKey): JournalEntry | undefined {
    return this.#known.get(key.step)?.get(keyOf(key));
  }

  /** Write a verdict down; it is on its way to the disk when this returns, so a killed process does not lose it. */
  add(entry: JournalEntry): void {
    this.#known.get(entry.step)?.set(keyOf(entry), entry);
    appendFileSync(this.#file(entry.step), lineOf(entry));
  }

  /** A step is done: keep its verdicts in the order of these keys, and no others. */
  finish(step: number, keys: readonly EntryKey[]): void {
    const lines = keys.flatMap((key) => {
      const entry = this.find(key);
      return entry === undefined ? [] : [lineOf(entry)];
    });
    writeFileAtomic(this.#file(step), lines.join(""));
    this.#known.delete(step);
  }

  /** Copy the files of steps in (after, upTo] into another folder. */
  copy(after: number, upTo: number, folder: string): void {
    mkdirSync(folder, { recursive: true });
    for (let step = after + 1; step <= upTo; step++) {
      if (existsSync(this.#file(step))) copyFileSync(this.#file(step), join(folder, fileName(step)));
    }
  }

  /** Whether no step was begun. */
  get empty(): boolean {
    return !readdirSync(this.#folder).some((name) => /^step-\d+\.jsonl$/.test(name));
  }

  /** Forget everything: a new run must not meet another run's verdicts. */
  clear(): void {
    for (const name of readdirSync(this.#folder))
      if (/^step-\d+\.jsonl$/.test(name)) unlinkSync(join(this.#folder, name));
  }

  #file(step: number): string {
    return join(this.#folder, fileName(step));
  }
}

const fileName = (step: number): string => `step-${step}.jsonl`;

const keyOf = ({ step, prompt, round, index, tokens, scorer }: EntryKey): string =>
  JSON.stringify([step, prompt, round, index, tokens, scorer]);

/** Entries of a journal file; a last line that a kill cut short is dropped. */
function readEntries(file: string): JournalEntry[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").split("\n");
  const cut = lines.pop() ?? "";
  if (cut !== "") writeFileAtomic(file, lines.map((line) => `${line}\n`).join(""));
  return lines.map((line, index) => {
    const entry = entryOf(line);
    if (typeof entry !== "string") return entry;
    throw new Error(
      `${file}, line ${index + 1} ${entry}: the reward journal was changed or damaged; restore this file, or delete it, and the step's rewards are given anew`,
    );
  });
}

/** An entry as a line, with a checksum of all that stands before it. */
function lineOf(entry: JournalEntry): string {
  const { check: _before, ...content } = entry as JournalEntry & { readonly check?: string };
  return `${JSON.stringify({ ...content, check: checkOf(content) })}\n`;
}

const checkOf = (content: object): string => textDigest(JSON.stringify(content)).slice(0, 8);

const entrySchema = z.object({
  step: z.int(),
  prompt: z.string(),
  round: z.int(),
  index: z.int(),
  tokens: z.string(),
  scorer: z.string(),
  // As a scorer's: finite, or null where it does not apply.
  value: z.number().nullable(),
  note: z.string().optional(),
  failure: z.string().optional(),
  check: z.string(),
});

/** The entry, or what is wrong with the line. */
function entryOf(line: string): JournalEntry | string {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    return "is not JSON";
  }
  const parsed = entrySchema.safeParse(json);
  if (!parsed.success) return `is no verdict of a scorer (${faultsOf(parsed.error, json)})`;
  const { check, ...content } = json as JournalEntry & { readonly check: string };
  return checkOf(content) === check ? content : "has another checksum than when it was written";
}

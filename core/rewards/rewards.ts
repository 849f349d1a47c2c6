/** Scorers give a response named numbers; the pipeline runs them as responses finish and sums them by weight. */
import type { Scorable, Scored, Scorer } from "../contracts/registered/scorer.ts";
import type { Sample } from "../contracts/step/sample.ts";
import { describe } from "../messages/describe.ts";
import { digestOf } from "../host/inputs.ts";
import { withoutSecrets } from "../options/secrets.ts";
import { tokensDigest, type JournalEntry, type RewardJournal } from "../checkpoint/journal.ts";

/**
 * A named part of a sample's reward. @throws Error naming the parts there are: a scorer that does not apply to a
 * response gives it none
 */
export function rewardPart({ parts, prompt }: Pick<Sample, "parts" | "prompt">, name: string): number {
  const value = parts[name];
  if (value === undefined)
    throw new Error(
      `the reward of prompt "${prompt.key}" has no part "${name}"; it has ${Object.keys(parts).join(", ") || "none"} (no scorer is called so, or it said that it does not apply to the response)`,
    );
  return value;
}

/** What all scorers said of one response. */
export interface Verdict {
  /** Σ weight · part, over the scorers that apply. */
  readonly reward: number;
  /** Of the scorers that apply. */
  readonly parts: Readonly<Record<string, number>>;
  readonly notes: Readonly<Record<string, string>>;
  /** Why a scorer failed, by scorer, where its part is the stand-in. */
  readonly failures: Readonly<Record<string, string>>;
  /** A scorer failed that asks for the group to be dropped then. */
  readonly dropped?: true;
}

/** Where a response is in the run, for the journal. */
export interface ResponsePlace {
  readonly step: number;
  readonly round: number;
}

/**
 * Runs scorers, at most `limit` at a time. With a journal, verdicts it already holds are used and new ones written
 * down.
 */
export class RewardDesk {
  readonly #scorers: readonly Scorer[];
  readonly #journal: RewardJournal | null;
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(scorers: readonly Scorer[], limit: number, journal: RewardJournal | null = null) {
    this.#scorers = scorers;
    this.#free = limit;
    this.#journal = journal;
  }

  /**
   * Run every scorer on a response. Rejects where a scorer fails and its policy is "stop", and where one changed what
   * it was given.
   */
  async judge(sample: Scorable, place: ResponsePlace): Promise<Verdict> {
    const before = digestOf(sample);
    const entries = await Promise.all(this.#scorers.map((scorer) => this.#entry(scorer, sample, place)));
    if (digestOf(sample) !== before) throw changedInPlace(this.#scorers, sample);
    const reward = this.#scorers.reduce((sum, scorer, index) => sum + scorer.weight * (entries[index]!.value ?? 0), 0);
    // A response that nobody judges has no reward: 0 would be a verdict.
    const unjudged = entries.length > 0 && entries.every(({ value }) => value === null);
    return {
      reward,
      parts: Object.fromEntries(entries.flatMap(({ scorer, value }) => (value === null ? [] : [[scorer, value]]))),
      notes: collect(entries, ({ note }) => note),
      failures: unjudged
        ? Object.fromEntries(
            entries.map(({ scorer }) => [scorer, "no scorer applies to this response: its group is left out"]),
          )
        : collect(entries, ({ failure }) => failure),
      ...(unjudged ||
      entries.some(({ failure }, index) => failure !== undefined && this.#scorers[index]!.onFailure === "drop")
        ? { dropped: true as const }
        : {}),
    };
  }

  async #entry(scorer: Scorer, sample: Scorable, place: ResponsePlace): Promise<JournalEntry> {
    const key = entryKey(sample, place, scorer.name);
    const known = this.#journal?.find(key);
    if (known !== undefined) return known;
    await this.#enter();
    try {
      const entry = { ...key, ...(await runScorer(scorer, sample)) };
      this.#journal?.add(entry);
      return entry;
    } finally {
      this.#leave();
    }
  }

  async #enter(): Promise<void> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next();
  }
}

function changedInPlace(scorers: readonly Scorer[], { prompt, response }: Scorable): Error {
  const names = scorers.map(({ name }) => `"${name}"`).join(", ");
  const who = scorers.length === 1 ? `The scorer ${names}` : `One of the scorers ${names}`;
  const what = `response ${response.index} to row "${prompt.row.id}", or its prompt,`;
  return new Error(`${who} changed ${what} in place, which others read after it; change a copy`);
}

/** The journal's key of one scorer's verdict on a response. */
export function entryKey({ prompt, response }: Scorable, { step, round }: ResponsePlace, scorer: string) {
  return { step, prompt: prompt.key, round, index: response.index, tokens: tokensDigest(response.tokens), scorer };
}

/** Characters of a note that are kept. */
const longestNote = 4000;

/** One scorer on one response; a failure becomes the stand-in value or an error that names scorer and response. */
async function runScorer(
  scorer: Scorer,
  sample: Scorable,
): Promise<{ value: number | null; note?: string; failure?: string }> {
  try {
    const result = await withTimeout(scorer, sample);
    if (result === null) return { value: null };
    const part = typeof result === "number" ? { value: result } : result;
    if (typeof part !== "object" || !Number.isFinite(part.value)) {
      throw new Error(`it returned ${describe(result)}, which is no finite number`);
    }
    if (part.note === undefined) return { value: part.value };
    if (typeof part.note !== "string") throw new Error(`it returned a note that is no text (${typeof part.note})`);
    const note = withoutSecrets(part.note);
    return { value: part.value, note: note.length > longestNote ? `${note.slice(0, longestNote)}…` : note };
  } catch (error) {
    const reason = withoutSecrets(error instanceof Error ? error.message : String(error));
    if (scorer.onFailure !== "stop")
      return { value: scorer.onFailure === "drop" ? 0 : scorer.onFailure, failure: reason };
    throw new Error(
      `Scorer "${scorer.name}" failed on response ${sample.response.index} to row "${sample.prompt.row.id}": ${reason}. ` +
        '(onFailure: 0 would give such responses 0 and go on, onFailure: "drop" leave their groups out.)',
      { cause: error },
    );
  }
}

async function withTimeout(scorer: Scorer, sample: Scorable): Promise<Scored> {
  const abort = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      const reason = new Error(`it gave no answer within ${scorer.timeoutSeconds} s`);
      reject(reason);
      abort.abort(reason);
    }, scorer.timeoutSeconds * 1000);
  });
  try {
    return await Promise.race([(async () => scorer.score(sample, abort.signal))(), late]);
  } finally {
    clearTimeout(timer);
  }
}

function collect(
  entries: readonly JournalEntry[],
  text: (entry: JournalEntry) => string | undefined,
): Record<string, string> {
  return Object.fromEntries(
    entries.flatMap((entry) => {
      const found = text(entry);
      return found === undefined ? [] : [[entry.scorer, found]];
    }),
  );
}

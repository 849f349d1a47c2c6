/** The rollouts of samples.jsonl: an index that grows with the file, each rollout read when it is wanted. */
import { z } from "zod";
import { parseLine } from "./json-log.ts";
import type { Line, LineReader } from "./line-reader.ts";
import type { RolloutHead, Rollouts, SampleRow } from "./run-record.ts";

const numbers = z.array(z.number().nullable()).transform((list) => list.map((value) => value ?? 0));
/** Only the finite ones: JSON writes NaN as null. */
const namedNumbers = z
  .record(z.string(), z.unknown())
  .transform((record) =>
    Object.fromEntries(
      Object.entries(record).filter((entry): entry is [string, number] => typeof entry[1] === "number"),
    ),
  );

const sampleSchema = z.object({
  step: z.number(),
  key: z.string().default(""),
  index: z.number().default(0),
  question: z.string().default(""),
  answer: z.string().default(""),
  text: z.string().default(""),
  finish: z.string().default(""),
  pieces: z.array(z.string()).default([]),
  given: z.array(z.tuple([z.number(), z.number()])).optional(),
  reward: z.number().nullable().default(null),
  parts: namedNumbers.default({}),
  notes: z.record(z.string(), z.string()).default({}),
  logProbs: numbers.default([]),
  advantages: numbers.default([]),
  entropy: numbers.default([]),
  perceptionKl: z.record(z.string(), numbers).default({}),
  pictures: z.array(z.object({ views: z.record(z.string(), z.string()) })).default([]),
});

/** Of two lines about the same rollout the later one counts. */
const identityOf = ({ step, key, index }: Pick<SampleRow, "step" | "key" | "index">): string =>
  `${step} ${index} ${key}`;

export function headOf({ step, reward, notes, pieces, given = [], logProbs, perceptionKl }: SampleRow): RolloutHead {
  const isOwn = (_: unknown, token: number): boolean => !given.some(([from, end]) => token >= from && token < end);
  const kl = (Object.values(perceptionKl)[0] ?? []).filter(isOwn);
  return {
    step,
    reward,
    verdicts: [...new Set(Object.values(notes))],
    length: Math.max(logProbs.filter(isOwn).length, pieces.filter(isOwn).length),
    perceptionKl: kl.length === 0 ? null : kl.reduce((sum, value) => sum + value, 0) / kl.length,
  };
}

/** Rollouts that are all at hand. */
export const rolloutsOf = (rows: readonly SampleRow[]): Rollouts => ({
  heads: rows.map(headOf),
  read: (place) => rows[place] ?? null,
});

/** All of them: for those who know that they are few. */
export const allRollouts = ({ heads, read }: Rollouts): SampleRow[] => heads.flatMap((_, place) => read(place) ?? []);

/** An index of the file's lines. Places are in the order of the lines until `bySteps`. */
export class RolloutLog {
  readonly #reader: LineReader;
  readonly heads: RolloutHead[] = [];
  readonly #lines: Pick<Line, "offset" | "length">[] = [];
  readonly #places = new Map<string, number>();

  constructor(reader: LineReader) {
    this.#reader = reader;
  }

  clear(): void {
    this.heads.length = 0;
    this.#lines.length = 0;
    this.#places.clear();
  }

  /** @returns whether it took the place of an earlier one, or why it is none */
  add({ text, offset, length }: Line): { readonly replaced: boolean } | string {
    const parsed = parseLine(text, sampleSchema);
    if (typeof parsed === "string") return parsed;
    const identity = identityOf(parsed.value);
    const known = this.#places.get(identity);
    const place = known ?? this.heads.length;
    this.#places.set(identity, place);
    this.heads[place] = headOf(parsed.value);
    this.#lines[place] = { offset, length };
    return { replaced: known !== undefined };
  }

  read(place: number): SampleRow | null {
    const line = this.#lines[place];
    const text = line === undefined ? null : this.#reader.at(line);
    const parsed = text === null ? "gone" : parseLine(text, sampleSchema);
    return typeof parsed === "string" ? null : parsed.value;
  }

  /** In the order of their steps, equal ones as they were written; sorted when somebody asks. */
  bySteps(): Rollouts {
    let sorted: readonly number[] | null = null;
    const order = (): readonly number[] =>
      (sorted ??= this.heads
        .map((_, place) => place)
        .sort((a, b) => this.heads[a]!.step - this.heads[b]!.step || a - b));
    const places = this.heads;
    return {
      get heads() {
        return order().map((place) => places[place]!);
      },
      read: (at) => {
        const place = order()[at];
        return place === undefined ? null : this.read(place);
      },
    };
  }
}

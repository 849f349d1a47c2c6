/** What the page's server answers, request by request: data alone, no HTTP. */
import { faultsOf } from "@papo/core";
import { z } from "zod";
import { smallPicture } from "../../report/pictures.ts";
import { questionTable } from "../../report/questions.ts";
import type { CurveRequest, Curves, Overview, RolloutIndex, ShownRollout } from "../contract.ts";
import { note } from "../blocks.ts";
import { curvesOf } from "../curve-data.ts";
import { keysOf, overviewOf, settledOf, type Settled } from "../overview.ts";
import type { WatchedRuns } from "./watched-runs.ts";

/** Most of anything that one request gets. */
const limits = { metrics: 200, points: 2000, rollouts: 100, pictures: 400 } as const;
/** Milliseconds until verdicts are computed. */
const settleAfter = 700;
/** Longest side of a picture, pixels. */
const pictureSide = 448;

const whole = z.coerce.number().int().nonnegative();
const curveSchema = z.object({
  metric: z.array(z.string()).max(limits.metrics).default([]),
  from: whole.nullable().default(null),
  to: whole.nullable().default(null),
  points: z.coerce.number().int().positive().max(limits.points).default(400),
});

/** A request that cannot be answered: the message says why. */
export class BadRequest extends Error {}

function parsed<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const result = schema.safeParse(value);
  if (!result.success) throw new BadRequest(faultsOf(result.error, value));
  return result.data;
}

export class Answers {
  readonly #runs: WatchedRuns;
  readonly #title: string;
  #settled: { readonly of: readonly unknown[]; readonly value: Settled } = {
    of: [],
    value: { verdicts: [], result: [note("Being compared …")], errors: [] },
  };
  #settling: NodeJS.Timeout | null = null;
  readonly #pictures = new Map<string, Promise<Buffer | null>>();

  constructor(runs: WatchedRuns, title: string) {
    this.#runs = runs;
    this.#title = title;
  }

  overview(): Overview {
    this.#settleSoon();
    return overviewOf({
      title: this.#title,
      subtitle: "",
      runs: this.#runs.records,
      now: this.#runs.now(),
      settled: this.#settled.value,
    });
  }

  close(): void {
    if (this.#settling !== null) clearTimeout(this.#settling);
  }

  curves(query: URLSearchParams): Curves {
    const { metric, ...rest } = parsed(curveSchema, {
      metric: query.getAll("metric"),
      ...named(query, ["from", "to", "points"]),
    });
    const request: CurveRequest = { metrics: metric, ...rest };
    return curvesOf(this.#runs.records, keysOf(this.#runs.records), request);
  }

  rolloutIndex(query: URLSearchParams): RolloutIndex {
    const { version, from } = parsed(
      z.object({ version: z.coerce.number().int(), from: whole }),
      named(query, ["version", "from"]),
    );
    return this.#runs.index(version, from);
  }

  rollouts(query: URLSearchParams): ShownRollout[] {
    return this.#runs.rollouts(parsed(z.array(whole).max(limits.rollouts), query.getAll("id")), pictureAddress);
  }

  questions(): ReturnType<typeof questionTable> {
    const { records } = this.#runs;
    return questionTable(records, (run, picture) => pictureAddress(records.indexOf(run), picture));
  }

  /** As WebP; null where there is none. */
  picture(query: URLSearchParams): Promise<Buffer | null> {
    const { run, file } = parsed(z.object({ run: whole, file: z.string() }), named(query, ["run", "file"]));
    const folder = this.#runs.folder(run);
    if (folder === undefined) return Promise.resolve(null);
    const key = JSON.stringify([folder, file]);
    const known = this.#pictures.get(key) ?? smallPicture(folder, file, pictureSide);
    // The latest used stand last.
    this.#pictures.delete(key);
    this.#pictures.set(key, known);
    for (const old of this.#pictures.keys()) if (this.#pictures.size > limits.pictures) this.#pictures.delete(old);
    return known;
  }

  /**
   * Verdicts anew when an evaluation has changed: after what the page asks for first, since comparing takes seconds.
   */
  #settleSoon(): void {
    const { records } = this.#runs;
    const of = records.flatMap(({ name, before, after }) => [name, before, after]);
    if (
      this.#settling !== null ||
      (of.length === this.#settled.of.length && of.every((value, at) => value === this.#settled.of[at]))
    )
      return;
    this.#settling = setTimeout(() => {
      this.#settling = null;
      this.#settled = { of, value: settledOf(records) };
      this.#runs.touch();
    }, settleAfter);
  }
}

const named = (query: URLSearchParams, names: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    names.flatMap((name) => {
      const value = query.get(name);
      return value === null ? [] : [[name, value]];
    }),
  );

/** A data URL stands for itself, and is drawn as a picture or not at all. */
const pictureAddress = (run: number, file: string): string =>
  file.startsWith("data:image/") ? file : `api/picture?${new URLSearchParams({ run: String(run), file }).toString()}`;

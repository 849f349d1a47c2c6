/** Reads a run's folder leniently: a report of half a run, or of one that was killed, is better than none. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { z } from "zod";
import { timingMetrics } from "./headline.ts";
import { JsonLog, parseLine } from "./json-log.ts";
import { LineReader } from "./line-reader.ts";
import { readEvaluation } from "./read-evaluation.ts";
import { RolloutLog } from "./rollouts.ts";
import type { Alarm, Evaluation, RunRecord, StepRecord } from "./run-record.ts";

const alarmSchema = z
  .object({ kind: z.string().default("alarm"), step: z.number().default(0) })
  .catchall(z.unknown())
  .transform(({ kind, step, ...rest }): Alarm => ({ kind, step, message: Object.values(rest).map(textOf).join(": ") }));

const stepSchema = z.looseObject({ step: z.number() });

/** What the run says of itself, and what whoever started it may have added. */
const headerSchema = z.object({
  name: z.string().optional(),
  recipe: z.string().optional(),
  seed: z.number().optional(),
  settings: z.record(z.string(), z.unknown()).default({}),
  plugins: z.array(z.object({ name: z.string(), options: z.unknown().optional() })).default([]),
  dataset: z.unknown().optional(),
});

export interface ReadRunOptions {
  /** Default: that of run.json, else the folder's name. */
  readonly name?: string;
  /** Default: that of run.json, else `name`. Runs of equal recipe are seeds of one another. */
  readonly recipe?: string;
}

/** What a reading found new. */
export type RunPart = "head" | "steps" | "rollouts" | "alarms" | "evaluations";

/**
 * The run in `folder`, read again and again while it is written. Reads, where they exist: run.json (`{settings,
 * plugins, dataset}`, and optionally name, recipe, seed), metrics.jsonl and timings.jsonl (`{step, …numbers}`),
 * samples.jsonl, alarms.jsonl, evaluation/before and evaluation/after (see evaluation/question.ts; or such a folder
 * itself). What cannot be read is left out and named in `problems`; of two lines about the same step or sample the
 * later one counts.
 */
export class RunReader {
  readonly folder: string;
  readonly #options: ReadRunOptions;
  readonly #metrics = new Map<number, Readonly<Record<string, number>>>();
  readonly #timings = new Map<number, Readonly<Record<string, number>>>();
  readonly #merged = new Map<number, StepRecord>();
  readonly #alarms: Alarm[] = [];
  readonly rollouts: RolloutLog;
  readonly #logs: Readonly<Record<"metrics" | "timings" | "samples" | "alarms", JsonLog>>;
  readonly #watched = new Map<
    string,
    { readonly seen: string; readonly evaluation: Evaluation | null; readonly problem: string | null }
  >();
  #head: { readonly seen: string; readonly value: z.output<typeof headerSchema>; readonly problem: string | null } = {
    seen: "",
    value: headerSchema.parse({}),
    problem: null,
  };
  /** How often a rollout took an earlier one's place, or all were forgotten. */
  rolloutVersion = 0;

  /** @throws Error when `folder` does not exist */
  constructor(folder: string, options: ReadRunOptions = {}) {
    if (!existsSync(folder))
      throw new Error(`There is no run folder ${folder}: give the folder that a training run wrote`);
    this.folder = folder;
    this.#options = options;
    const samples = new LineReader(join(folder, "samples.jsonl"));
    this.rollouts = new RolloutLog(samples);
    this.#logs = {
      metrics: this.#stepLog("metrics.jsonl", this.#metrics, ({ metrics, ...rest }) => ({
        ...numbersOf(rest),
        ...numbersOf(metrics),
      })),
      timings: this.#stepLog("timings.jsonl", this.#timings, timingsOf),
      samples: new JsonLog(
        samples.file,
        (line) => {
          const added = this.rollouts.add(line);
          if (typeof added === "string") return added;
          if (added.replaced) this.rolloutVersion += 1;
          return null;
        },
        () => {
          this.rollouts.clear();
          this.rolloutVersion += 1;
        },
        samples,
      ),
      alarms: new JsonLog(
        join(folder, "alarms.jsonl"),
        ({ text }) => {
          const parsed = parseLine(text, alarmSchema);
          if (typeof parsed === "string") return parsed;
          this.#alarms.push(parsed.value);
          return null;
        },
        () => (this.#alarms.length = 0),
      ),
    };
  }

  /**
   * Take in what is new, rollouts only until `enough()`. @param last what stands after the last newline counts too:
   * nobody writes any more
   */
  read(how: { readonly enough?: () => boolean; readonly last?: boolean } = {}): Set<RunPart> {
    const { last = false } = how;
    const found = new Set<RunPart>();
    if (this.#readHead()) found.add("head");
    // Both, whatever the first says.
    if ([this.#logs.metrics.read({ last }), this.#logs.timings.read({ last })].includes(true)) found.add("steps");
    if (this.#logs.alarms.read({ last })) found.add("alarms");
    if (["evaluation/before", "evaluation/after", "."].map((place) => this.#readEvaluation(place)).includes(true))
      found.add("evaluations");
    if (this.#logs.samples.read(how)) found.add("rollouts");
    return found;
  }

  /** As read so far. */
  record(): RunRecord {
    const { name: ownName, recipe, seed: ownSeed, settings, plugins, dataset } = this.#head.value;
    const name = this.#options.name ?? ownName ?? basename(this.folder);
    const seed = settings["seed"];
    // A folder that `papo eval` wrote is an evaluation itself.
    const own = this.#evaluation(".");
    const isRun = own === null || ["run.json", "metrics.jsonl"].some((file) => existsSync(join(this.folder, file)));
    return {
      kind: isRun ? "run" : "evaluation",
      name,
      recipe: this.#options.recipe ?? recipe ?? name,
      seed: ownSeed ?? (typeof seed === "number" ? seed : 0),
      settings: settingsOf({ settings, plugins, dataset }),
      steps: this.#steps(),
      rollouts: this.rollouts.bySteps(),
      alarms: withoutRepeats(this.#alarms),
      before: this.#evaluation("evaluation/before"),
      after: this.#evaluation("evaluation/after") ?? own,
      folder: this.folder,
      problems: [
        ...(this.#head.problem === null ? [] : [this.#head.problem]),
        ...Object.values(this.#logs).flatMap(({ problems }) => problems),
        ...[...this.#watched.values()].flatMap(({ problem }) => problem ?? []),
      ],
    };
  }

  /** Metrics and timings of each step together, in step order. */
  #steps(): StepRecord[] {
    const steps = [...new Set([...this.#metrics.keys(), ...this.#timings.keys()])].sort((a, b) => a - b);
    return steps.map((step) => {
      const known = this.#merged.get(step) ?? {
        step,
        metrics: { ...this.#metrics.get(step), ...this.#timings.get(step) },
      };
      this.#merged.set(step, known);
      return known;
    });
  }

  #stepLog(
    file: string,
    into: Map<number, Readonly<Record<string, number>>>,
    metricsOf: (line: Record<string, unknown>) => Record<string, number>,
  ): JsonLog {
    const add = ({ text }: { readonly text: string }): string | null => {
      const parsed = parseLine(text, stepSchema);
      if (typeof parsed === "string") return parsed;
      const { step, ...rest } = parsed.value;
      into.set(step, { ...into.get(step), ...metricsOf(rest) });
      this.#merged.delete(step);
      return null;
    };
    return new JsonLog(join(this.folder, file), add, () => {
      into.clear();
      this.#merged.clear();
    });
  }

  #readHead(): boolean {
    const file = join(this.folder, "run.json");
    const seen = stampOf(file);
    if (seen === this.#head.seen) return false;
    const parsed =
      seen === "" ? { value: headerSchema.parse({}) } : parseLine(readFileSync(file, "utf8"), headerSchema);
    this.#head =
      typeof parsed === "string"
        ? { ...this.#head, seen, problem: `run.json: ${parsed}` }
        : { seen, value: parsed.value, problem: null };
    return true;
  }

  #readEvaluation(place: string): boolean {
    const folder = join(this.folder, place);
    const seen = ["questions.jsonl", "errors.jsonl", "settings.json", "sampled/questions.jsonl"]
      .map((file) => stampOf(join(folder, file)))
      .join();
    if (seen === (this.#watched.get(place)?.seen ?? ",,,")) return false;
    try {
      this.#watched.set(place, { seen, evaluation: readEvaluation(folder), problem: null });
    } catch (error) {
      this.#watched.set(place, { seen, evaluation: null, problem: `${place}: ${(error as Error).message}` });
    }
    return true;
  }

  #evaluation(place: string): Evaluation | null {
    return this.#watched.get(place)?.evaluation ?? null;
  }
}

/** The record of the run in `folder` as it is now. @throws Error when there is no such folder */
export function readRunFolder(folder: string, options: ReadRunOptions = {}): RunRecord {
  const reader = new RunReader(folder, options);
  reader.read({ last: true });
  return reader.record();
}

/** Says when a file has changed; "" where there is none. */
function stampOf(file: string): string {
  const stats = statSync(file, { throwIfNoEntry: false });
  return stats === undefined ? "" : `${stats.ino} ${stats.size} ${stats.mtimeMs}`;
}

const textOf = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

/** The finite numbers of a record: JSON writes NaN as null, and the run as text. */
const numbersOf = (record: unknown): Record<string, number> =>
  typeof record !== "object" || record === null
    ? {}
    : Object.fromEntries(
        Object.entries(record).filter((entry): entry is [string, number] => typeof entry[1] === "number"),
      );

/** Settings, data and one line per plugin, nested names joined by dots. */
const settingsOf = ({
  settings,
  plugins,
  dataset,
}: Pick<z.output<typeof headerSchema>, "settings" | "plugins" | "dataset">): Record<string, unknown> => ({
  ...flat(settings, ""),
  ...(dataset === undefined ? {} : flat(dataset, "dataset")),
  ...Object.fromEntries(plugins.map(({ name, options }) => [name, optionsText(options)])),
});

const optionsText = (options: unknown): string =>
  Object.entries(flat(options ?? {}, ""))
    .map(([name, value]) => `${name}: ${textOf(value)}`)
    .join(", ");

/** Leaves of nested objects by their path; lists are leaves. */
const flat = (value: unknown, path: string): Record<string, unknown> => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return { [path]: value };
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, part]) => Object.entries(flat(part, path === "" ? name : `${path}.${name}`))),
  );
};

/** A resumed run repeats the alarms of the steps that it repeats. */
const withoutRepeats = (alarms: readonly Alarm[]): Alarm[] => [
  ...new Map(alarms.map((entry) => [JSON.stringify(entry), entry])).values(),
];

/** Seconds by phase and by term, tokens, and what they come to. */
const timingsOf = (timings: Record<string, unknown>): Record<string, number> => {
  const named = Object.fromEntries(
    Object.entries(numbersOf(flat(timings, "timing"))).map(([name, value]) => [name.replaceAll(".", "/"), value]),
  );
  const seconds = numbersOf(timings["seconds"]);
  return {
    ...named,
    ...(Object.keys(seconds).length === 0 ? {} : timingMetrics({ tokens: named["timing/tokens"] ?? 0, seconds })),
  };
};

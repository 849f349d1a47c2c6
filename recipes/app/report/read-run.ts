/** Reads a run's folder leniently: a report of half a run, or of one that was killed, is better than none. */
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { z } from "zod";
import { timingMetrics } from "./headline.ts";
import { readEvaluation } from "./read-evaluation.ts";
import type { Alarm, Evaluation, RunRecord, SampleRow, StepRecord } from "./run-record.ts";

const numbers = z.array(z.number().nullable()).transform((list) => list.map((value) => value ?? 0));
/** Only the finite ones: JSON writes NaN as null. */
const namedNumbers = z
  .record(z.string(), z.unknown())
  .transform((record) => Object.fromEntries(Object.entries(record).filter((entry): entry is [string, number] => typeof entry[1] === "number")));

const sample = z.object({
  step: z.number(),
  key: z.string().default(""),
  index: z.number().default(0),
  question: z.string().default(""),
  answer: z.string().default(""),
  text: z.string().default(""),
  finish: z.string().default(""),
  pieces: z.array(z.string()).default([]),
  reward: z.number().nullable().default(null),
  parts: namedNumbers.default({}),
  notes: z.record(z.string(), z.string()).default({}),
  logProbs: numbers.default([]),
  advantages: numbers.default([]),
  perceptionKl: z.record(z.string(), numbers).default({}),
  pictures: z.array(z.object({ views: z.record(z.string(), z.string()) })).default([]),
});

const alarm = z
  .object({ kind: z.string().default("alarm"), step: z.number().default(0) })
  .catchall(z.unknown())
  .transform(({ kind, step, ...rest }): Alarm => ({ kind, step, message: Object.values(rest).map(textOf).join(": ") }));

const textOf = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

/** What the run says of itself, and what whoever started it may have added. */
const header = z.object({
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

/**
 * The record of the run in `folder`. Reads, where they exist: run.json (`{settings, plugins, dataset}`, and optionally name, recipe,
 * seed), metrics.jsonl and timings.jsonl (`{step, …numbers}`), samples.jsonl, alarms.jsonl, evaluation/before and evaluation/after (see
 * evaluation/question.ts; or such a folder itself). What cannot be read is left out and named in `problems`; of two lines about the same
 * step or sample the later one counts. Throws only when `folder` does not exist.
 */
export const readRunFolder = (folder: string, options: ReadRunOptions = {}): RunRecord => {
  if (!existsSync(folder)) throw new Error(`There is no run folder ${folder}: give the folder that a training run wrote`);
  const problems: string[] = [];
  const head = readJson(folder, "run.json", header, problems) ?? header.parse({});
  const name = options.name ?? head.name ?? basename(folder);
  const seed = head.settings["seed"];
  // A folder that `papo eval` wrote is an evaluation itself.
  const own = evaluationIn(".", folder, problems);
  return {
    kind: own === null || existsSync(join(folder, "run.json")) || existsSync(join(folder, "metrics.jsonl")) ? "run" : "evaluation",
    name,
    recipe: options.recipe ?? head.recipe ?? name,
    seed: head.seed ?? (typeof seed === "number" ? seed : 0),
    settings: settingsOf(head),
    steps: readSteps(folder, problems),
    samples: readSamples(folder, problems),
    alarms: withoutRepeats(readLines(folder, "alarms.jsonl", alarm, problems)),
    before: evaluationIn(join("evaluation", "before"), folder, problems),
    after: evaluationIn(join("evaluation", "after"), folder, problems) ?? own,
    folder,
    problems,
  };
};

/** Settings, data and one line per plugin, nested names joined by dots. */
const settingsOf = ({ settings, plugins, dataset }: z.output<typeof header>): Record<string, unknown> => ({
  ...flat(settings, ""),
  ...(dataset === undefined ? {} : flat(dataset, "dataset")),
  ...Object.fromEntries(plugins.map(({ name, options }) => [name, optionsText(options)])),
});

const optionsText = (options: unknown): string =>
  Object.entries(flat(options ?? {}, "")).map(([name, value]) => `${name}: ${textOf(value)}`).join(", ");

/** Leaves of nested objects by their path; lists are leaves. */
const flat = (value: unknown, path: string): Record<string, unknown> => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return { [path]: value };
  return Object.fromEntries(Object.entries(value).flatMap(([name, part]) => Object.entries(flat(part, path === "" ? name : `${path}.${name}`))));
};

/** A resumed run repeats the alarms of the steps that it repeats. */
const withoutRepeats = (alarms: readonly Alarm[]): Alarm[] => [...new Map(alarms.map((entry) => [JSON.stringify(entry), entry])).values()];

const evaluationIn = (place: string, folder: string, problems: string[]): Evaluation | null => {
  try {
    return readEvaluation(join(folder, place));
  } catch (error) {
    problems.push(`${place}: ${(error as Error).message}`);
    return null;
  }
};

/** Metrics and timings of each step together, in step order. A line may hold its numbers itself or under `metrics`. */
const readSteps = (folder: string, problems: string[]): StepRecord[] => {
  const line = z.object({ step: z.number() }).catchall(z.unknown());
  const bySteps = new Map<number, Record<string, number>>();
  const add = (step: number, metrics: Record<string, number>): void => {
    bySteps.set(step, { ...bySteps.get(step), ...metrics });
  };
  for (const { step, metrics, ...rest } of readLines(folder, "metrics.jsonl", line, problems)) {
    add(step, { ...namedNumbers.parse(rest), ...namedNumbers.catch({}).parse(metrics) });
  }
  for (const { step, ...rest } of readLines(folder, "timings.jsonl", line, problems)) add(step, timingsOf(rest));
  return [...bySteps].sort(([a], [b]) => a - b).map(([step, metrics]) => ({ step, metrics }));
};

/** Seconds by phase and by term, tokens, and what they come to. */
const timingsOf = (timings: Record<string, unknown>): Record<string, number> => {
  const named = Object.fromEntries(Object.entries(namedNumbers.parse(flat(timings, "timing"))).map(([name, value]) => [name.replaceAll(".", "/"), value]));
  const seconds = namedNumbers.catch({}).parse(timings["seconds"] ?? {});
  return { ...named, ...(Object.keys(seconds).length === 0 ? {} : timingMetrics({ tokens: named["timing/tokens"] ?? 0, seconds })) };
};

const readSamples = (folder: string, problems: string[]): SampleRow[] => {
  const byIdentity = new Map<string, SampleRow>();
  for (const row of readLines(folder, "samples.jsonl", sample, problems)) byIdentity.set(JSON.stringify([row.step, row.key, row.index]), row);
  return [...byIdentity.values()].sort((a, b) => a.step - b.step);
};

const readJson = <T extends z.ZodType>(folder: string, file: string, schema: T, problems: string[]): z.output<T> | null => {
  const path = join(folder, file);
  if (!existsSync(path)) return null;
  const parsed = parseLine(readFileSync(path, "utf8"), schema);
  if (typeof parsed !== "string") return parsed.value;
  problems.push(`${file}: ${parsed}`);
  return null;
};

const readLines = <T extends z.ZodType>(folder: string, file: string, schema: T, problems: string[]): z.output<T>[] => {
  const path = join(folder, file);
  if (!existsSync(path)) return [];
  const bad: string[] = [];
  const good: z.output<T>[] = [];
  readFileSync(path, "utf8").split("\n").forEach((text, index) => {
    if (text.trim() === "") return;
    const parsed = parseLine(text, schema);
    if (typeof parsed === "string") bad.push(`line ${index + 1} (${parsed})`);
    else good.push(parsed.value);
  });
  if (bad.length > 0) problems.push(`${file}: left out ${bad.length} of ${bad.length + good.length} lines, first ${bad[0] ?? ""}`);
  return good;
};

/** The value, or why there is none. */
const parseLine = <T extends z.ZodType>(text: string, schema: T): { value: z.output<T> } | string => {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return "not JSON, perhaps cut short";
  }
  const parsed = schema.safeParse(json);
  return parsed.success ? { value: parsed.data } : firstIssue(parsed.error);
};

const firstIssue = (error: z.ZodError): string => {
  const issue = error.issues[0];
  return issue === undefined ? "invalid" : `${issue.path.join(".") || "value"}: ${issue.message}`;
};

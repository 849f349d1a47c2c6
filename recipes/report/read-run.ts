/** Reads a run's folder leniently: a report of half a run, or of one that was killed, is better than none. */
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { z } from "zod";
import type { Alarm, Evaluation, RunRecord, SampleRow, StepRecord } from "./run-record.ts";

const numbers = z.array(z.number().nullable()).transform((list) => list.map((value) => value ?? 0));
/** Only the finite ones: JSON writes NaN as null. */
const namedNumbers = z
  .record(z.string(), z.unknown())
  .transform((record) => Object.fromEntries(Object.entries(record).filter((entry): entry is [string, number] => typeof entry[1] === "number")));

const share = z.object({ accuracy: z.number(), low: z.number(), high: z.number(), n: z.number() });
const accuracy = z.object({ overall: share, visionDependent: share.nullable().default(null) });
const evaluation = z.object({
  greedy: accuracy,
  sampled: accuracy.nullable().default(null),
  errors: namedNumbers.default({}),
  klPrcp: z.number().nullable().default(null),
  outcomes: z.array(z.object({ id: z.string(), correct: z.boolean(), visionDependent: z.boolean().default(false) })).default([]),
});

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

const header = z.object({
  name: z.string().optional(),
  recipe: z.string().default("run"),
  seed: z.number().default(0),
  settings: z.record(z.string(), z.unknown()).default({}),
});

/**
 * The record of the run in `folder`. Reads, where they exist: run.json (`{name, recipe, seed, settings}`), metrics.jsonl and
 * timings.jsonl (`{step, …numbers}`), samples.jsonl, alarms.jsonl, evaluation.json (`{before, after}`).
 * What cannot be read is left out and named in `problems`; of two lines about the same step or sample the later one counts.
 * Throws only when `folder` does not exist.
 */
export const readRunFolder = (folder: string): RunRecord => {
  if (!existsSync(folder)) throw new Error(`There is no run folder ${folder}: give the folder that a training run wrote`);
  const problems: string[] = [];
  const head = header.parse(readJson(folder, "run.json", header, problems) ?? {});
  const results = readJson(folder, "evaluation.json", z.record(z.string(), z.unknown()), problems) ?? {};
  return {
    name: head.name ?? basename(folder),
    recipe: head.recipe,
    seed: head.seed,
    settings: head.settings,
    steps: readSteps(folder, problems),
    samples: readSamples(folder, problems),
    alarms: readLines(folder, "alarms.jsonl", alarm, problems),
    before: readEvaluation(results, "before", problems),
    after: readEvaluation(results, "after", problems),
    folder,
    problems,
  };
};

const readEvaluation = (results: Record<string, unknown>, when: string, problems: string[]): Evaluation | null => {
  const value = results[when];
  if (value === undefined || value === null) return null;
  const parsed = evaluation.safeParse(value);
  if (parsed.success) return parsed.data;
  problems.push(`evaluation.json: "${when}" is not an evaluation (${firstIssue(parsed.error)})`);
  return null;
};

/** Metrics and timings of each step together, in step order. A line may hold its numbers itself or under `metrics`. */
const readSteps = (folder: string, problems: string[]): StepRecord[] => {
  const line = z.object({ step: z.number() }).catchall(z.unknown());
  const bySteps = new Map<number, Record<string, number>>();
  for (const [file, prefix] of [["metrics.jsonl", ""], ["timings.jsonl", "timing/"]] as const) {
    for (const { step, metrics, ...rest } of readLines(folder, file, line, problems)) {
      const nested = namedNumbers.safeParse(metrics ?? {});
      const found = { ...namedNumbers.parse(rest), ...(nested.success ? nested.data : {}) };
      const renamed = Object.fromEntries(Object.entries(found).map(([name, value]) => [prefix + name, value]));
      bySteps.set(step, { ...bySteps.get(step), ...renamed });
    }
  }
  return [...bySteps].sort(([a], [b]) => a - b).map(([step, metrics]) => ({ step, metrics }));
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

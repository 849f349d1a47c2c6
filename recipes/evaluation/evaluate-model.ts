/** Many samples of every question, judged, written down as they come: an evaluation goes on where it was cut off. */
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createRandom, evaluate, type Dataset, type Policy, type Row } from "@papo/core";
import type { Verifier } from "@papo/plugins";
import type { PictureCondition } from "./pictures.ts";
import { majorityAtK, meanEstimate, pairedDifference, passAtK, type Difference, type Estimate } from "./statistics.ts";

/** What a score depends on: it is nothing without them. */
export interface EvaluationSettings {
  readonly model: string;
  readonly data: string;
  readonly samples: number;
  readonly temperature: number;
  readonly topP: number;
  readonly topK: number;
  readonly maxNewTokens: number;
  readonly seed: number;
  /** See pictures.ts. */
  readonly pictures: PictureCondition;
}

/** A question with its answers, a line of questions.jsonl. */
export interface Question {
  readonly id: string;
  /** By the column that --category names; null without. */
  readonly category: string | null;
  readonly gold: string;
  readonly answers: readonly { readonly found: string | null; readonly outcome: string; readonly text: string }[];
}

export interface EvaluationOptions {
  readonly policy: Policy;
  readonly dataset: Dataset;
  readonly settings: EvaluationSettings;
  readonly verifier: Pick<Verifier, "verify">;
  readonly category: string | null;
  readonly output: string;
  readonly onProgress?: (done: number) => void;
}

/** Questions sampled together, and written together. */
const chunk = 16;

/** @throws Error when `output` holds an evaluation with other settings */
export async function evaluateModel({ policy, dataset, settings, verifier, category, output, onProgress }: EvaluationOptions): Promise<Question[]> {
  mkdirSync(output, { recursive: true });
  const file = join(output, "questions.jsonl");
  keepSettings(join(output, "settings.json"), settings, output);
  const known = new Map(readQuestions(file).map((question) => [question.id, question]));
  const { samples, seed, temperature, topP, topK, maxNewTokens } = settings;
  const questions: Question[] = [];
  for (let start = 0; start < dataset.size; start += chunk) {
    const rows = await Promise.all(Array.from({ length: Math.min(chunk, dataset.size - start) }, async (_, index) => dataset.row(start + index)));
    const missing = rows.filter(({ id }) => !known.has(id));
    const scorers: never[] = [];
    const sampled = await evaluate({ policy, rows: missing, scorers, samplesPerPrompt: samples, seed, sampling: { temperature, topP, topK, maxNewTokens } });
    for (const [index, row] of missing.entries()) {
      const texts = sampled.slice(index * samples, (index + 1) * samples).map(({ response }) => response.text);
      known.set(row.id, await judged(row, texts, category, verifier));
    }
    if (missing.length > 0) appendFileSync(file, missing.map(({ id }) => `${JSON.stringify(known.get(id))}\n`).join(""));
    questions.push(...rows.map(({ id }) => known.get(id)!));
    onProgress?.(questions.length);
  }
  return questions;
}

async function judged(row: Row, texts: readonly string[], category: string | null, verifier: Pick<Verifier, "verify">): Promise<Question> {
  const answers = await Promise.all(texts.map(async (text) => {
    const { found, outcome } = await verifier.verify(row.answer, text, row.fields["choices"]);
    return { found, outcome, text };
  }));
  const value = category === null ? null : row.fields[category];
  return { id: row.id, category: typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? String(value) : null, gold: row.answer, answers };
}

function keepSettings(file: string, settings: EvaluationSettings, output: string): void {
  if (!existsSync(file)) return writeFileSync(file, `${JSON.stringify(settings, null, 1)}\n`);
  const before = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
  const differs = Object.entries(settings).find(([name, value]) => before[name] !== value);
  if (differs !== undefined) {
    throw new Error(`${output} holds an evaluation with ${differs[0]} ${JSON.stringify(before[differs[0]])}, this one has ${JSON.stringify(differs[1])}: choose another --output`);
  }
}

/** The lines of a questions.jsonl; one that was cut short is dropped. */
export function readQuestions(file: string): Question[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").split("\n");
  const cut = lines.pop() ?? "";
  if (cut !== "") writeFileSync(file, lines.map((line) => `${line}\n`).join(""));
  return lines.map((line) => JSON.parse(line) as Question);
}

export interface Scores {
  readonly questions: number;
  /** Mean over questions of the share of right samples. */
  readonly average: Estimate;
  readonly pass: Readonly<Record<number, Estimate>>;
  readonly majority: Readonly<Record<number, Estimate>>;
  /** Average by category. */
  readonly categories: Readonly<Record<string, Estimate & { readonly questions: number }>>;
  /** Shares of all samples by outcome: right, wrong, unreadable, no answer, late. */
  readonly outcomes: Readonly<Record<string, number>>;
}

const averageOf = ({ answers }: Question): number => answers.filter(({ outcome }) => outcome === "right").length / answers.length;

/** @param ks numbers of samples for pass@k and maj@k */
export function scoresOf(questions: readonly Question[], ks: readonly number[], seed = 1): Scores {
  const random = createRandom(seed).key("scores");
  const estimate = (name: string, values: readonly number[]): Estimate => meanEstimate(values, random.key(name));
  const categories = [...new Set(questions.flatMap(({ category }) => category ?? []))].sort();
  const outcomes = questions.flatMap(({ answers }) => answers.map(({ outcome }) => outcome));
  const perK = (name: string, of: (question: Question, k: number) => number): Record<number, Estimate> =>
    Object.fromEntries(ks.map((k) => [k, estimate(`${name}@${k}`, questions.map((question) => of(question, k)))]));
  return {
    questions: questions.length,
    average: estimate("average", questions.map(averageOf)),
    pass: perK("pass", ({ answers }, k) => passAtK(answers.length, answers.filter(({ outcome }) => outcome === "right").length, k)),
    majority: perK("maj", ({ id, answers }, k) => majorityAtK(answers.map(({ found, outcome }) => ({ answer: found?.replace(/\s+/g, "") ?? null, right: outcome === "right" })), k, random.key("votes", id))),
    categories: Object.fromEntries(categories.map((category) => {
      const own = questions.filter((question) => question.category === category);
      return [category, { ...estimate(`category ${category}`, own.map(averageOf)), questions: own.length }];
    })),
    outcomes: Object.fromEntries([...new Set(outcomes)].sort().map((outcome) => [outcome, outcomes.filter((one) => one === outcome).length / outcomes.length])),
  };
}

/** What a question's answers owe to its pictures: the average with them, and without under each condition. */
export interface Dependence {
  readonly id: string;
  readonly real: number;
  readonly others: Readonly<Partial<Record<PictureCondition, number>>>;
  /** real − the mean of the others: 1 is all, 0 nothing. */
  readonly dependence: number;
}

/** Of the questions that were asked under every condition. */
export function dependenceOf(byCondition: ReadonlyMap<PictureCondition, readonly Question[]>): Dependence[] {
  const others = [...byCondition].filter(([condition]) => condition !== "real").map(([condition, questions]) => [condition, new Map(questions.map((question) => [question.id, averageOf(question)]))] as const);
  if (others.length === 0) return [];
  return (byCondition.get("real") ?? []).flatMap((question) => {
    const values = others.map(([condition, averages]) => [condition, averages.get(question.id)] as const);
    if (values.some(([, value]) => value === undefined)) return [];
    const real = averageOf(question);
    const mean = values.reduce((sum, [, value]) => sum + value!, 0) / values.length;
    return [{ id: question.id, real, others: Object.fromEntries(values), dependence: real - mean }];
  });
}

/** Averages of two evaluations over the questions that both have. @throws Error when they share none */
export function compareEvaluations(a: readonly Question[], b: readonly Question[], seed = 1): Difference & { readonly questions: number } {
  const other = new Map(b.map((question) => [question.id, question]));
  const shared = a.filter(({ id }) => other.has(id));
  if (shared.length === 0) throw new Error("the two evaluations have no question in common");
  return { ...pairedDifference(shared.map(averageOf), shared.map(({ id }) => averageOf(other.get(id)!)), createRandom(seed).key("difference")), questions: shared.length };
}

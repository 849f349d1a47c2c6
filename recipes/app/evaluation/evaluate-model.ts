/** Samples of every question, judged, written down as they come: an evaluation goes on where it was cut off. */
import { appendFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import {
  type Dataset,
  type DigestOf,
  digestsFile,
  type Environment,
  evaluate,
  fileDigest,
  keptDigests,
  makeFolder,
  type Policy,
  policyTokens,
  readJsonFile,
  type Row,
  type Sample,
  type Scorer,
  writeFileAtomic,
} from "@papo/core";
import { z } from "zod";
import { writePicture } from "@papo/plugins";
import { looksOf } from "./evidence.ts";
import type { Judge } from "./judges.ts";
import { changedPictures, type ChangedCondition, type ChangedPictures, type PictureCondition } from "./pictures.ts";
import { changeOf, rowDigest } from "./row-digest.ts";
import { dropCutLine, readQuestions, type Answer, type Question } from "./question.ts";

/** What a score depends on: it is nothing without them. */
export interface EvaluationSettings {
  readonly model: string;
  /** Digest of the weights, where they may be others under the same name. */
  readonly weights?: string;
  readonly data: string;
  /** Per question. */
  readonly samples: number;
  /** 0 is greedy. */
  readonly temperature: number;
  readonly topP: number;
  readonly topK: number;
  readonly maxNewTokens: number;
  readonly seed: number;
  /** What is sampled from. */
  readonly pictures: PictureCondition;
  /** Who answers between turns, by name; absent where nobody does. */
  readonly environments?: readonly string[];
}

export interface EvaluationOptions {
  readonly policy: Policy;
  readonly dataset: Dataset;
  readonly settings: EvaluationSettings;
  readonly judge: Judge;
  /** Whose parts go with the answers, and to the judge. */
  readonly scorers?: Iterable<Scorer>;
  /** Who answers between turns. Default: nobody, answers have one turn. */
  readonly environments?: readonly Environment[];
  /** Columns whose values are categories. */
  readonly categories?: readonly string[];
  /** Conditions under which the log-probs of the answers are looked at besides. */
  readonly evidence?: readonly ChangedCondition[];
  /** The folder of settings.json and questions.jsonl; null keeps everything in memory. */
  readonly output: string | null;
  /** Where the pictures of the first `picturesOf` questions are written; null: nowhere. */
  readonly pictures?: string | null;
  /** Default 400. */
  readonly picturesOf?: number;
  readonly onProgress?: (done: number) => void;
  /** When it fires, the evaluation ends with its reason; what was answered is kept, and is not asked again. */
  readonly signal?: AbortSignal;
}

/** Responses sampled together, and written together. */
const together = 128;

/**
 * Under another condition than "real", rows without pictures are left out, and those for which it cannot be made.
 * @throws Error when `output` holds an evaluation with other settings, or no row is left
 */
export async function evaluateModel(options: EvaluationOptions): Promise<Question[]> {
  const { dataset, settings, output, onProgress } = options;
  const { samples, pictures: condition } = settings;
  const changed = new Map<ChangedCondition, ChangedPictures>();
  for (const name of new Set([...(options.evidence ?? []), ...(condition === "real" ? [] : [condition])]))
    changed.set(name, await changedPictures(name, dataset));
  const known = new Map(output === null ? [] : openOutput(output, settings).map((question) => [question.id, question]));
  const own = condition === "real" ? undefined : changed.get(condition);
  const ofPicture = output === null ? fileDigest : keptDigests(join(output, digestsFile));
  const questions: Question[] = [];
  const chunk = Math.max(1, Math.floor(together / samples));
  for (let start = 0; start < dataset.size; start += chunk) {
    options.signal?.throwIfAborted();
    const all = await Promise.all(
      Array.from({ length: Math.min(chunk, dataset.size - start) }, async (_, index) => dataset.row(start + index)),
    );
    const rows = all.filter((row) => own?.applies(row) ?? true);
    for (const row of rows) checkUnchanged(row, known.get(row.id), output, ofPicture);
    const missing = rows.filter(({ id }) => !known.has(id));
    const answered = await answer(missing, questions.length, changed, options);
    for (const question of answered) known.set(question.id, question);
    if (output !== null && answered.length > 0)
      appendFileSync(
        join(output, "questions.jsonl"),
        answered.map((question) => `${JSON.stringify(question)}\n`).join(""),
      );
    questions.push(...rows.map(({ id }) => known.get(id)!));
    onProgress?.(Math.min(start + chunk, dataset.size));
  }
  if (questions.length === 0)
    throw new Error(
      `Dataset "${dataset.name}" has ${dataset.size === 0 ? "no rows" : `no pictures: there is nothing to make ${condition}`}`,
    );
  return questions;
}

async function answer(
  rows: readonly Row[],
  done: number,
  changed: ReadonlyMap<ChangedCondition, ChangedPictures>,
  options: EvaluationOptions,
): Promise<Question[]> {
  const {
    policy,
    settings,
    judge,
    scorers = [],
    environments = [],
    evidence = [],
    pictures = null,
    picturesOf = 400,
  } = options;
  const { samples, temperature, topP, topK, maxNewTokens, seed, pictures: condition } = settings;
  const sampled = await evaluate({
    policy,
    rows,
    scorers,
    environments,
    seed,
    samplesPerPrompt: samples,
    promptsPerChunk: 64,
    sampling: { temperature, topP, topK, maxNewTokens },
    views: [...changed.values()].map(({ view }) => view),
    ...(condition === "real" ? {} : { sampleView: condition }),
  });
  const looks = await looksOf(
    policy,
    sampled,
    evidence.map((name) => changed.get(name)!),
  );
  const answers = await Promise.all(
    sampled.map(async (sample, index) => {
      const { expected, ...judgement } = await judge(sample);
      return {
        expected,
        answer: {
          text: sample.response.text,
          note: null,
          ...judgement,
          parts: sample.parts,
          tokens: policyTokens(sample.response).length,
          under: looks[index]!,
        } satisfies Answer,
      };
    }),
  );
  return Promise.all(
    rows.map(async (row, index): Promise<Question> => {
      const own = answers.slice(index * samples, (index + 1) * samples);
      const shown =
        pictures !== null && done + index < picturesOf
          ? await writePictures(pictures, sampled[index * samples]!, condition)
          : [];
      return {
        id: row.id,
        question: row.prompt,
        gold: row.answer,
        digest: rowDigest(row, fileDigest),
        expected: own[0]!.expected,
        categories: categoriesOf(row, options.categories ?? []),
        pictures: shown,
        answers: own.map(({ answer: one }) => one),
      };
    }),
  );
}

/** @throws Error where answers were sampled to another question */
function checkUnchanged(row: Row, known: Question | undefined, output: string | null, ofPicture: DigestOf): void {
  const change = known === undefined ? null : changeOf(row, known, ofPicture);
  if (change !== null)
    throw new Error(
      `${output ?? "this evaluation"} holds answers to another question "${row.id}": ${change}; choose another --output`,
    );
}

/**
 * The pictures that were answered to, and those that the answers' log-probs were looked at under, but for conditions
 * that leave no picture of their own to show.
 */
async function writePictures(
  folder: string,
  { prompt }: Sample,
  condition: PictureCondition,
): Promise<Question["pictures"]> {
  const shown = [
    ["original", condition === "real" ? "original" : condition],
    ["masked", "masked"],
  ] as const;
  const files: Record<string, string>[] = prompt.pictures.map(() => ({}));
  for (const [name, view] of shown) {
    for (const [index, picture] of (prompt.views.get(view)?.pictures ?? []).entries()) {
      const file = await writePicture(folder, picture);
      if (files[index] !== undefined) files[index][name] = file;
    }
  }
  return files;
}

function categoriesOf({ fields }: Row, columns: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    columns.flatMap((column) => {
      const value = column
        .split(".")
        .reduce<unknown>(
          (inner, name) =>
            typeof inner === "object" && inner !== null ? (inner as Record<string, unknown>)[name] : undefined,
          fields,
        );
      return typeof value === "string" || typeof value === "number" || typeof value === "boolean"
        ? [[column, String(value)]]
        : [];
    }),
  );
}

/** What is known already; a folder without a question in it is no evaluation, whatever settings it was begun with. */
function openOutput(output: string, settings: EvaluationSettings): Question[] {
  makeFolder(output);
  dropCutLine(join(output, "questions.jsonl"));
  const known = readQuestions(join(output, "questions.jsonl"));
  const differs = known.length === 0 ? null : difference(output, settings);
  if (differs !== null) throw new Error(`${output} holds an evaluation with ${differs}: choose another --output`);
  writeFileAtomic(join(output, "settings.json"), `${JSON.stringify(settings, null, 1)}\n`);
  return known;
}

/** Whether a folder holds nothing, or answers under the same settings; of damaged settings that cannot be said. */
export function holdsSame(folder: string, settings: EvaluationSettings): boolean {
  if (!existsSync(join(folder, "questions.jsonl"))) return true;
  try {
    return difference(folder, settings) === null;
  } catch {
    return false;
  }
}

/** The first setting in which an evaluation differs from these, in words; null where none does. */
function difference(folder: string, settings: EvaluationSettings): string | null {
  const file = join(folder, "settings.json");
  const before = existsSync(file)
    ? readJsonFile(
        file,
        z.record(z.string(), z.unknown()),
        "it says how the answers beside it were sampled; bring it back, or choose another --output",
      )
    : {};
  const differs = Object.entries(settings).find(([name, value]) => !isDeepStrictEqual(before[name], value));
  return differs === undefined
    ? null
    : `${differs[0]} ${JSON.stringify(before[differs[0]]) ?? "unknown"}, this one has ${JSON.stringify(differs[1])}`;
}

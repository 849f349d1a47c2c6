/**
 * What went wrong in wrong answers: known by rule where it was checked, else said by a judge model, whose agreement
 * with people is measured.
 */
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { quoted, readPictureFile, withinBudget } from "@papo/core";
import { filledIn } from "@papo/plugins";
import { z } from "zod";
import { parseLine } from "../report/json-log.ts";
import { dropCutLine, errorsFile, isRight, type Question } from "./question.ts";
import { cohensKappa, shareEstimate, type Estimate } from "./statistics.ts";

const rubricSchema = z.strictObject({
  /** What each class means. */
  classes: z.record(z.string().regex(/^[\w-]+$/), z.string()),
  /** {question}, {answer}, {response} and {classes} are filled in; the verdict's last "class: name" counts. */
  prompt: z.string(),
});
export type Rubric = z.output<typeof rubricSchema>;

export const defaultRubric = new URL("./error-rubric.json", import.meta.url);

/** @throws Error naming the file when it is no rubric */
export function readRubric(file: string | URL): Rubric {
  const parsed = parseLine(readFileSync(file, "utf8"), rubricSchema);
  if (typeof parsed === "string") throw new Error(`${String(file)} is no rubric: ${parsed}`);
  return parsed.value;
}

/** Says something to a prompt that may come with pictures (data URLs). */
export type Ask = (prompt: string, pictures: readonly string[]) => Promise<string>;

interface Wrong {
  readonly question: string;
  readonly gold: string;
  readonly text: string;
  readonly pictures: readonly string[];
}

/** @throws Error when the verdict names no class of the rubric */
async function classify(
  { question, gold, text, pictures }: Wrong,
  { classes, prompt }: Rubric,
  ask: Ask,
): Promise<{ errorClass: string; said: string }> {
  const list = Object.entries(classes)
    .map(([name, meaning]) => `- ${name}: ${meaning}`)
    .join("\n");
  const said = await ask(filledIn(prompt, { question, answer: gold, response: text, classes: list }), pictures);
  const named = [...said.matchAll(/class:\s*\W*([\w-]+)/gi)].at(-1)?.[1]?.toLowerCase();
  const errorClass = Object.keys(classes).find((name) => name.toLowerCase() === named);
  if (errorClass === undefined)
    throw new Error(`the judge named none of ${Object.keys(classes).join(", ")}: ${quoted(said.slice(-160))}`);
  return { errorClass, said: said.slice(0, 1000) };
}

export interface Sorting {
  /** Of an evaluation. */
  readonly folder: string;
  /** As readQuestions gives them, verdicts of earlier times included. */
  readonly questions: readonly Question[];
  readonly rubric: Rubric;
  readonly ask: Ask;
  /** Asked at one time. */
  readonly together: number;
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Ask for the class of every wrong answer that has none yet, and add each verdict to the folder's errors.jsonl, from
 * where everything that reads the evaluation takes it. A verdict that cannot be had is left out and told: asking again
 * later goes on with what is missing.
 */
export async function sortErrors({
  folder,
  questions,
  rubric,
  ask,
  together,
  onProgress,
}: Sorting): Promise<{ readonly asked: number; readonly failed: readonly string[]; readonly withoutPicture: number }> {
  dropCutLine(join(folder, errorsFile));
  const open = questions.flatMap((question) =>
    question.answers.flatMap((answer, index) =>
      isRight(answer) || answer.errorClass !== null ? [] : [{ question, answer, index }],
    ),
  );
  const failed: string[] = [];
  let [done, withoutPicture] = [0, 0];
  await inParallel(open, together, async ({ question, answer, index }) => {
    try {
      const pictures = await dataUrls(
        folder,
        question.pictures.map(({ original }) => original),
      );
      if (pictures.length === 0) withoutPicture++;
      const verdict = await classify(
        { question: question.question, gold: question.gold, text: answer.text, pictures },
        rubric,
        ask,
      );
      appendFileSync(join(folder, errorsFile), `${JSON.stringify({ id: question.id, answer: index, ...verdict })}\n`);
    } catch (error) {
      failed.push(`${question.id}, answer ${index}: ${(error as Error).message}`);
    }
    onProgress?.(++done, open.length);
  });
  return { asked: open.length, failed, withoutPicture };
}

async function inParallel<T>(items: readonly T[], together: number, work: (item: T) => Promise<void>): Promise<void> {
  const rest = items[Symbol.iterator]();
  await Promise.all(
    Array.from({ length: together }, async () => {
      for (const item of rest) await work(item);
    }),
  );
}

/**
 * Pictures of an evaluation's folder, or of the run that it belongs to; none where there is none. What is no picture is
 * not sent to a judge, whoever wrote its path.
 */
async function dataUrls(folder: string, files: readonly (string | undefined)[]): Promise<string[]> {
  const urls: string[] = [];
  for (const file of files) {
    const found =
      file === undefined
        ? undefined
        : [folder, join(folder, "..", "..")].map((base) => resolve(base, file)).find((path) => existsSync(path));
    if (found === undefined) continue;
    urls.push(await dataUrl(found));
  }
  return urls;
}

/** @throws Error naming what is no picture */
async function dataUrl(file: string): Promise<string> {
  const bytes = await readPictureFile(file);
  try {
    const format = await withinBudget(bytes, (metadata) => Promise.resolve(metadata.format));
    return `data:image/${format};base64,${bytes.toString("base64")}`;
  } catch (error) {
    throw new Error(`${file} is no picture that can be read: ${(error as Error).message}`, { cause: error });
  }
}

const labelledSchema = z.object({
  question: z.string(),
  answer: z.string(),
  response: z.string(),
  label: z.string(),
  images: z.array(z.string()).default([]),
});

export interface Agreement {
  readonly labelled: number;
  /** Answers about which the judge said nothing usable. */
  readonly failed: readonly string[];
  /** Share on which judge and label agree. */
  readonly agreement: Estimate;
  /** Cohen's kappa: 0 is chance, 1 full agreement. */
  readonly kappa: number;
  /** Counts by label, then by the judge's class. */
  readonly confusion: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/**
 * How far the judge agrees with people: lines of { question, answer, response, label, images }. @throws Error naming a
 * line that is none, or a label that the rubric lacks
 */
export async function agreementOn(file: string, rubric: Rubric, ask: Ask, together: number): Promise<Agreement> {
  const rows = readFileSync(file, "utf8")
    .split("\n")
    .flatMap((line, index) => {
      if (line.trim() === "") return [];
      const parsed = parseLine(line, labelledSchema);
      if (typeof parsed === "string") throw new Error(`${file}, line ${index + 1}: ${parsed}`);
      if (!Object.hasOwn(rubric.classes, parsed.value.label))
        throw new Error(
          `${file}, line ${index + 1} has the label "${parsed.value.label}", the rubric has ${Object.keys(rubric.classes).join(", ")}`,
        );
      return [parsed.value];
    });
  if (rows.length === 0) throw new Error(`${file} holds no labelled answers`);
  const [pairs, failed]: [{ label: string; judged: string }[], string[]] = [[], []];
  await inParallel(rows, together, async ({ question, answer, response, label, images }) => {
    try {
      const pictures = await dataUrls(dirname(resolve(file)), images);
      pairs.push({
        label,
        judged: (await classify({ question, gold: answer, text: response, pictures }, rubric, ask)).errorClass,
      });
    } catch (error) {
      failed.push((error as Error).message);
    }
  });
  const names = Object.keys(rubric.classes);
  const confusion = Object.fromEntries(
    names.map((label) => [
      label,
      Object.fromEntries(
        names.map((judged) => [judged, pairs.filter((pair) => pair.label === label && pair.judged === judged).length]),
      ),
    ]),
  );
  return {
    labelled: rows.length,
    failed,
    agreement: shareEstimate(pairs.map(({ label, judged }) => Number(label === judged))),
    kappa: cohensKappa(names.map((label) => names.map((judged) => confusion[label]![judged]!))),
    confusion,
  };
}

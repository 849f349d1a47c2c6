/** Questions with their answers as an evaluation writes them down: a line of questions.jsonl each. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { writeFileAtomic } from "@papo/core";
import { z } from "zod";
import { parseLine } from "../report/json-log.ts";

const numbers = z.record(z.string(), z.number());

const answerSchema = z.object({
  text: z.string(),
  /** "right", "wrong", "unreadable", "no answer", "late"; "unusable gold": nothing could be right. */
  outcome: z.string(),
  /** What the answer was read as; null where none was found. */
  found: z.string().nullable(),
  /** What the rewards said of it, where a recipe's rewards judged. */
  note: z.string().nullable().default(null),
  /** What went wrong, as far as it was checked; of a right answer, what is wrong about it all the same. */
  errorClass: z.string().nullable(),
  /** Whether it is the answer that its own reasoning comes to; null where the reasoning says of none. */
  consistent: z.boolean().nullable(),
  /** Parts of the reward, where a recipe's rewards judged. */
  parts: numbers,
  tokens: z.number(),
  /**
   * By condition of the pictures (see pictures.ts), sums over the answer's tokens, in nats: what their log-probs lose
   * under it, log π − log π_condition, and k3 of KL[π ‖ π_condition] with PAPO's clamps.
   */
  under: z.record(z.string(), z.object({ lost: z.number(), kl: z.number() })),
});

const questionSchema = z.object({
  id: z.string(),
  question: z.string(),
  gold: z.string(),
  /** Of the row as it was asked, pictures too; absent in evaluations of earlier versions. */
  digest: z.string().optional(),
  /** What the gold answer was read as. */
  expected: z.string().nullable(),
  /** By column. */
  categories: z.record(z.string(), z.string()),
  /**
   * Of each picture the file of each condition, relative to the run's or the evaluation's folder; none for questions
   * past those that are shown.
   */
  pictures: z.array(z.record(z.string(), z.string())),
  answers: z.array(answerSchema).min(1),
});

export type Answer = Readonly<z.output<typeof answerSchema>>;
export type Question = Readonly<Omit<z.output<typeof questionSchema>, "answers">> & {
  readonly answers: readonly Answer[];
};

/** Verdicts of a judge model on answers, beside questions.jsonl; see errors.ts. */
export const errorsFile = "errors.jsonl";

const verdictSchema = z.object({ id: z.string(), answer: z.number(), errorClass: z.string() });

/** Error classes by "<question's id> <answer's index>". */
function readErrors(folder: string): ReadonlyMap<string, string> {
  const file = join(folder, errorsFile);
  if (!existsSync(file)) return new Map();
  const verdicts = wholeLines(file).map((line, index) => {
    const parsed = parseLine(line, verdictSchema);
    if (typeof parsed === "string") throw new Error(`${file}, line ${index + 1} is no verdict of a judge: ${parsed}`);
    return parsed.value;
  });
  return new Map(verdicts.map(({ id, answer, errorClass }) => [`${id} ${answer}`, errorClass]));
}

/** A last line that was cut short does not count. */
const wholeLines = (file: string): string[] => readFileSync(file, "utf8").split("\n").slice(0, -1);

/** Take a last line that was cut short out of a file that is to be gone on with. */
export function dropCutLine(file: string): void {
  if (existsSync(file) && !readFileSync(file, "utf8").endsWith("\n"))
    writeFileAtomic(
      file,
      wholeLines(file)
        .map((line) => `${line}\n`)
        .join(""),
    );
}

/**
 * The lines of a questions.jsonl with the judge's verdicts, where there are some; none where there is no file. @throws
 * Error naming a line that is no question
 */
export function readQuestions(file: string): Question[] {
  if (!existsSync(file)) return [];
  const errors = readErrors(dirname(file));
  return wholeLines(file).map((line, index) => {
    const parsed = parseLine(line, questionSchema);
    if (typeof parsed === "string")
      throw new Error(`${file}, line ${index + 1} is no question of an evaluation: ${parsed}`);
    const { value } = parsed;
    if (errors.size === 0) return value;
    return {
      ...value,
      answers: value.answers.map((answer, place) => ({
        ...answer,
        errorClass: answer.errorClass ?? errors.get(`${value.id} ${place}`) ?? null,
      })),
    };
  });
}

/** The folder of an evaluation: itself, or a run's after its training. @throws Error saying what is there instead */
export function evaluationFolder(path: string): string {
  const folder = resolve(path);
  if (!existsSync(folder)) throw new Error(`There is no folder ${folder}`);
  const found = [folder, join(folder, "evaluation", "after")].find((place) =>
    existsSync(join(place, "questions.jsonl")),
  );
  if (found === undefined) throw new Error(`${folder} holds no evaluation: papo eval writes questions.jsonl`);
  return found;
}

/** The column that says whether a question's answer is in its picture. */
export const needsPictureColumn = "visionDependent";
export const needsPicture = ({ categories }: Question): boolean => categories[needsPictureColumn] === "true";

/** The column that says whether what can be guessed without looking is right: "right" or "wrong". */
export const priorColumn = "prior";
export const priorIsWrong = ({ categories }: Question): boolean => categories[priorColumn] === "wrong";

export const isRight = ({ outcome }: Answer): boolean => outcome === "right";

/** Share of a question's answers that are right. */
export const rightShare = ({ answers }: Question): number => answers.filter(isRight).length / answers.length;

/** The questions of all evaluations side by side: what each run answered to each. */
import { rightShare, type Answer, type Question } from "../evaluation/question.ts";
import type { RunRecord } from "./run-record.ts";

/** Answers of one question that are shown, and characters of each. */
const [shownAnswers, shownCharacters] = [4, 2000];
/** Characters of all answers and questions together: the page stays openable. */
const characterBudget = 8_000_000;

export interface ShownAnswer extends Omit<Answer, "under" | "tokens"> {
  /** What one of its tokens loses in log-prob under each condition of the pictures, nats. */
  readonly lost: Readonly<Record<string, number>>;
}

export interface ShownQuestion extends Pick<Question, "id" | "question" | "gold" | "expected" | "categories"> {
  /** Its pictures by condition, as the page finds them. */
  readonly views: readonly { readonly view: string; readonly picture: PictureReference }[];
  /** By column; null where the question was not asked. */
  readonly columns: readonly ({
    readonly right: number;
    readonly of: number;
    readonly answers: readonly ShownAnswer[];
  } | null)[];
}

export interface QuestionTable {
  /** Names of the evaluations. */
  readonly columns: readonly string[];
  readonly questions: readonly ShownQuestion[];
  /** Questions there are, those included that are not shown. */
  readonly total: number;
}

/**
 * A picture: an address of a server's, a data URL, or in a report an index into its pictures; null where there is no
 * file.
 */
export type PictureReference = string | number | null;

interface Column {
  readonly name: string;
  readonly run: RunRecord;
  readonly questions: readonly Question[];
}

/** A start that several runs share is one column. */
function columnsOf(runs: readonly RunRecord[]): Column[] {
  const starts = new Map<string, Column>();
  for (const run of runs) {
    if (run.before !== null)
      starts.set(textsOf(run.before.questions), { name: `${run.name}, before`, run, questions: run.before.questions });
  }
  const before =
    starts.size === 1 && runs.length > 1
      ? [...starts.values()].map((column) => ({ ...column, name: "start" }))
      : [...starts.values()];
  return [
    ...before,
    ...runs.flatMap((run) => (run.after === null ? [] : [{ name: run.name, run, questions: run.after.questions }])),
  ];
}

const textsOf = (questions: readonly Question[]): string =>
  JSON.stringify(questions.map(({ id, answers }) => [id, answers.map(({ text }) => text)]));

/** Pictures of each question in the first evaluation that has some. */
export function questionPictures(
  runs: readonly RunRecord[],
): { readonly id: string; readonly run: RunRecord; readonly pictures: Question["pictures"] }[] {
  const found = new Map<string, { id: string; run: RunRecord; pictures: Question["pictures"] }>();
  for (const { run, questions } of columnsOf(runs)) {
    for (const { id, pictures } of questions)
      if (pictures.length > 0 && !found.has(id)) found.set(id, { id, run, pictures });
  }
  return [...found.values()];
}

/** In the order in which they were asked first. @param address where a run's picture is for the page */
export function questionTable(
  runs: readonly RunRecord[],
  address: (run: RunRecord, picture: string) => PictureReference,
): QuestionTable {
  const columns = columnsOf(runs);
  const byId = columns.map(({ questions }) => new Map(questions.map((question) => [question.id, question])));
  const all = new Map(
    columns.flatMap(({ questions }) => questions.map((question) => [question.id, question] as const)),
  );
  const pictures = new Map(questionPictures(runs).map((one) => [one.id, one]));
  const shown: ShownQuestion[] = [];
  let characters = 0;
  for (const { id, question, gold, expected, categories } of all.values()) {
    const own = byId.map((questions) => columnOf(questions.get(id)));
    characters +=
      question.length +
      own.reduce(
        (sum, column) => sum + (column?.answers.reduce((length, { text }) => length + text.length, 0) ?? 0),
        0,
      );
    if (characters > characterBudget) break;
    const from = pictures.get(id);
    const views =
      from === undefined
        ? []
        : from.pictures.flatMap((files) =>
            Object.entries(files).map(([view, file]) => ({ view, picture: address(from.run, file) })),
          );
    shown.push({ id, question: question.slice(0, shownCharacters), gold, expected, categories, views, columns: own });
  }
  return { columns: columns.map(({ name }) => name), questions: shown, total: all.size };
}

function columnOf(question: Question | undefined): ShownQuestion["columns"][number] {
  if (question === undefined) return null;
  const answers = question.answers
    .slice(0, shownAnswers)
    .map(({ under, tokens, text, ...rest }) => ({
      ...rest,
      text: text.length > shownCharacters ? `${text.slice(0, shownCharacters)} …` : text,
      lost: Object.fromEntries(
        Object.entries(under).map(([condition, { lost }]) => [condition, Number((lost / tokens).toPrecision(3))]),
      ),
    }));
  return { right: rightShare(question), of: question.answers.length, answers };
}

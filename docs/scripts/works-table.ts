/**
 * What works of others came to (docs/works.md), as Markdown: right answers before and after training by recipe and by
 * the values of a column, and what else the rewards measured of the answers, means over seeds with each seed's value.
 *
 *   node --import tsx docs/scripts/works-table.ts <folder of runs> [column] [part …]
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { isRight, readQuestions, type Answer, type Question } from "../../recipes/app/evaluation/question.ts";
import { mean } from "../../recipes/app/evaluation/statistics.ts";

type Measure = (answer: Answer) => number | undefined;

/** In percent; null where no answer has it. */
export function shareOf(questions: readonly Question[], measure: Measure): number | null {
  const values = questions.flatMap(({ answers }) => answers.flatMap((answer) => measure(answer) ?? []));
  return values.length === 0 ? null : 100 * mean(values);
}

/** "71.2 (70, 73, 70)", one seed's alone, or a dash. */
export function cellOf(values: readonly (number | null)[]): string {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return "–";
  const all = known.length < 2 ? "" : ` (${known.map((value) => value.toFixed(0)).join(", ")})`;
  return `${mean(known).toFixed(1)}${all}`;
}

/** Folders of runs by recipe: "grpo-1" and "grpo,seed=1" are seeds of grpo. */
function recipesIn(folder: string): Map<string, string[]> {
  const recipes = new Map<string, string[]>();
  for (const name of readdirSync(folder).sort()) {
    if (!existsSync(join(folder, name, "evaluation", "after", "questions.jsonl"))) continue;
    const recipe = name.replace(/(?:,seed=|-)\d+$/, "");
    recipes.set(recipe, [...(recipes.get(recipe) ?? []), join(folder, name)]);
  }
  return recipes;
}

function* rowsOf(folder: string, column: string | undefined, parts: readonly string[]): Generator<string[]> {
  const measures: readonly (readonly [string, Measure])[] =
    [["right", (answer) => Number(isRight(answer))], ...parts.map((part) => [part, (answer: Answer) => answer.parts[part]] as const)];
  for (const [recipe, runs] of recipesIn(folder)) {
    const read = (moment: string): Question[][] => runs.map((run) => readQuestions(join(run, "evaluation", moment, "questions.jsonl")));
    const [before, after] = [read("before"), read("after")];
    const values = column === undefined ? [] : [...new Set(after.flat().flatMap(({ categories }) => categories[column] ?? []))].sort();
    for (const [what, measure] of measures) {
      for (const value of [null, ...values]) {
        const of = (questions: readonly Question[]): Question[] => questions.filter(({ categories }) => value === null || categories[column!] === value);
        const cells = [before, after].map((all) => all.map((questions) => shareOf(of(questions), measure)));
        if (cells.flat().every((cell) => cell === null)) continue;
        // Seeds begin with one model.
        yield [recipe, what, value ?? "all", cellOf(cells[0]!.slice(0, 1)), cellOf(cells[1]!)];
      }
    }
  }
}

const [folder, column, ...parts] = process.argv.slice(2);
if (folder !== undefined) {
  const table = [["recipe", "share of answers, %", column ?? "questions", "before", "after (by seed)"], Array.from({ length: 5 }, () => "---"), ...rowsOf(folder, column, parts)];
  process.stdout.write(table.map((cells) => `| ${cells.join(" | ")} |\n`).join(""));
}

/**
 * What works of others came to (docs/works.md), as Markdown: right answers before and after training by recipe and by
 * the values of a column, and what else the rewards measured of the answers, means over seeds with each seed's value.
 *
 *   node --import tsx docs/scripts/works-table.ts <folder of runs> [column] [part …]        # "" for no column
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isRight, readQuestions, type Answer, type Question } from "../../recipes/app/evaluation/question.ts";
import { mean } from "../../recipes/app/evaluation/statistics.ts";

type Measure = (answer: Answer) => number | undefined;

/** Of all answers that have it, in percent; null where no answer has it. */
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

/**
 * Folders of runs by recipe: "grpo-1" and "grpo,seed=1" are seeds of grpo, "grpo-1f0c9a2b,seed=1" one with options,
 * "seed=1" of a run file.
 */
function recipesIn(folder: string): Map<string, string[]> {
  const recipes = new Map<string, string[]>();
  for (const name of readdirSync(folder).sort()) {
    if (!existsSync(join(folder, name, "evaluation", "after", "questions.jsonl"))) continue;
    const recipe = name.replace(/^seed=\d+$/, "run").replace(/(?:(?:-[0-9a-f]{8})?,seed=|-)\d+$/, "");
    recipes.set(recipe, [...(recipes.get(recipe) ?? []), join(folder, name)]);
  }
  return recipes;
}

const right: Measure = (answer) => Number(isRight(answer));

/** A line for each recipe, measure and value of the column; those that nothing is known of are left out. */
function* linesOf(folder: string, column: string, parts: readonly string[]): Generator<string[]> {
  const ofPart = (part: string): [string, Measure] => [part, ({ parts: own }) => own[part]];
  const measures = new Map<string, Measure>([["right", right], ...parts.map(ofPart)]);
  for (const [recipe, runs] of recipesIn(folder)) {
    const read = (moment: string): Question[][] =>
      runs.map((run) => readQuestions(join(run, "evaluation", moment, "questions.jsonl")));
    const [before, after] = [read("before"), read("after")];
    const values = [...new Set(after.flat().flatMap(({ categories }) => categories[column] ?? []))].sort();
    for (const [what, measure] of measures) {
      for (const value of [null, ...values]) {
        const share = (questions: readonly Question[]): number | null =>
          shareOf(
            questions.filter(({ categories }) => value === null || categories[column] === value),
            measure,
          );
        // Seeds begin with one model.
        const [start, end] = [before.slice(0, 1).map(share), after.map(share)];
        if ([...start, ...end].every((one) => one === null)) continue;
        yield [recipe, what, value ?? "all", cellOf(start), cellOf(end)];
      }
    }
  }
}

const [folder, column = "", ...parts] = process.argv.slice(2);
if (folder !== undefined && process.argv[1] === fileURLToPath(import.meta.url)) {
  const heads = ["recipe", "share of answers, %", column || "questions", "before", "after (by seed)"];
  const table = [heads, heads.map(() => "---"), ...linesOf(folder, column, parts)];
  process.stdout.write(table.map((cells) => `| ${cells.join(" | ")} |\n`).join(""));
}

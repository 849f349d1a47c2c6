/**
 * What a comparison of two recipes came to over several seeds, for who watches one seed of it. over-seeds.json is
 * written with the tables of docs/evidence.md, by `docs/scripts/evidence-tables.ts`, from the runs themselves.
 */
import { readFileSync } from "node:fs";
import type { Difference } from "../../evaluation/paired.ts";
import { chanceText, differenceText } from "../../report/verdict.ts";

export interface OverSeeds {
  /** As the task is written: "shortcut:suggestion". */
  readonly task: string;
  readonly strength: number | null;
  readonly steps: number | null;
  /** Labels of variants. */
  readonly recipe: string;
  readonly baseline: string;
  readonly seeds: number;
  /** Unseen questions about which the prior is wrong. */
  readonly questions: number;
  /** Shares of right answers to these, 0–1, means over seeds. */
  readonly wrong: { readonly recipe: number; readonly baseline: number };
  /** Recipe minus baseline there, over questions and the seeds' luck: the test that was chosen before the runs. */
  readonly gain: Difference;
  /** Its p, corrected by Holm for how many recipes were compared on that task. */
  readonly corrected: number;
  /** The same of runs of equal seed, pair by pair. */
  readonly seedGain: Difference;
}

export const overSeedsFile = new URL("over-seeds.json", import.meta.url);

/** What is known of all `recipes` on that task in that many steps; nothing where it was not measured. */
export function overSeedsOf(
  task: Pick<OverSeeds, "task" | "strength" | "steps">,
  recipes: readonly string[],
): OverSeeds[] {
  const all = JSON.parse(readFileSync(overSeedsFile, "utf8")) as OverSeeds[];
  return all.filter(
    (one) =>
      one.task === task.task &&
      one.strength === task.strength &&
      one.steps === task.steps &&
      [one.recipe, one.baseline].every((recipe) => recipes.includes(recipe)),
  );
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

export const overSeedsText = ({
  recipe,
  baseline,
  seeds,
  questions,
  wrong,
  gain,
  corrected,
  seedGain,
}: OverSeeds): string =>
  `One seed is mostly luck. Over ${seeds} seeds (docs/evidence.md), on ${questions} questions about which the prior is ` +
  `wrong: ${recipe} ${percent(wrong.recipe)}, ${baseline} ${percent(wrong.baseline)}; ${differenceText(gain)} ` +
  `(${chanceText(corrected)} corrected for all that were compared); runs of equal seed paired: ` +
  `${differenceText(seedGain)}.`;

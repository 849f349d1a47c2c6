/**
 * Coverage of the intervals of an evaluation and size of its test, by simulation: `node --import tsx
 * docs/scripts/measure-intervals.ts [evaluations, default 2000]`. A question has a chance of its own of being answered
 * rightly, a side moves all of them on the scale of log-odds, a training run (seed) of a side moves them by some luck,
 * and every question a little of its own. The truth is known, so what is counted is how often the 95 % interval holds
 * it, and how often p ≤ 0.05 where there is nothing.
 */
import { createRandom, type Random } from "@papo/core";
import { luckOf, pairedDifference } from "../../recipes/app/evaluation/paired.ts";
import { mean, shareEstimate } from "../../recipes/app/evaluation/statistics.ts";

export interface World {
  readonly questions: number;
  /** Answers to each question by each training run. */
  readonly samples: number;
  /** By how much the second side moves the log-odds of every question. */
  readonly effect: number;
  /** Training runs of each side. */
  readonly seeds: number;
  /** Standard deviation of what a training run moves the log-odds by. */
  readonly luck: number;
  /** Log-odds of a question of middling difficulty. */
  readonly middle: number;
}

export interface Found {
  /**
   * Shares of simulated evaluations: the interval of the difference held the true one; p was at most 0.05; the interval
   * of the first side's accuracy held the true one.
   */
  readonly covered: number;
  readonly rejected: number;
  readonly accuracyCovered: number;
}

const normal = (random: Random): number =>
  Math.sqrt(-2 * Math.log1p(-random.uniform(0))) * Math.cos(2 * Math.PI * random.uniform(1));
const chanceOf = (odds: number): number => 1 / (1 + Math.exp(-odds));

/** Mean chance over questions (of difficulties with standard deviation 2) and training runs, in a middling position. */
function truth(middle: number, effect: number, luck: number): number {
  const deviation = Math.hypot(2, 0.5, luck);
  const steps = Array.from({ length: 2001 }, (_, index) => (index - 1000) / 125);
  const density = steps.map((x) => Math.exp((-x * x) / 2));
  const total = density.reduce((sum, one) => sum + one, 0);
  return steps.reduce(
    (sum, x, index) => sum + (density[index]! / total) * chanceOf(middle + effect + deviation * x),
    0,
  );
}

/** Each question's share of right answers by each training run of one side. */
function answersOf(
  { questions, samples, seeds, luck, middle }: World,
  effect: number,
  difficulty: readonly number[],
  random: Random,
): number[][] {
  return Array.from({ length: seeds }, (_, seed) => {
    const own = random.key("seed", seed);
    const moved = luck * normal(own.key("luck"));
    return Array.from({ length: questions }, (_, question) => {
      const chance = chanceOf(middle + effect + difficulty[question]! + moved + 0.5 * normal(own.key("own", question)));
      const draws = own.key("answers", question);
      return mean(Array.from({ length: samples }, (_, sample) => Number(draws.uniform(sample) < chance)));
    });
  });
}

const perQuestion = (side: readonly (readonly number[])[]): number[] =>
  side[0]!.map((_, question) => mean(side.map((shares) => shares[question]!)));

export function simulated(world: World, evaluations: number, random: Random): Found {
  const [first, second] = [truth(world.middle, 0, world.luck), truth(world.middle, world.effect, world.luck)];
  let [covered, rejected, accuracyCovered] = [0, 0, 0];
  for (let evaluation = 0; evaluation < evaluations; evaluation++) {
    const own = random.key("evaluation", evaluation);
    const difficulty = Array.from(
      { length: world.questions },
      (_, question) => 2 * normal(own.key("difficulty", question)),
    );
    const [a, b] = [
      answersOf(world, 0, difficulty, own.key("a")),
      answersOf(world, world.effect, difficulty, own.key("b")),
    ];
    const { low, high, p } = pairedDifference(perQuestion(b), perQuestion(a), own.key("interval"), [
      luckOf(a),
      luckOf(b),
    ]);
    const accuracy = shareEstimate(perQuestion(a));
    covered += Number(low <= second - first && second - first <= high);
    rejected += Number(p <= 0.05);
    accuracyCovered += Number(accuracy.low <= first && first <= accuracy.high);
  }
  return {
    covered: covered / evaluations,
    rejected: rejected / evaluations,
    accuracyCovered: accuracyCovered / evaluations,
  };
}

const base: World = { questions: 100, samples: 1, effect: 0, seeds: 1, luck: 0, middle: 0 };
const worlds: readonly (readonly [name: string, world: World])[] = [
  ["10 questions", { ...base, questions: 10 }],
  ["24 questions", { ...base, questions: 24 }],
  ["100 questions", base],
  ["100 questions, 8 answers each", { ...base, samples: 8 }],
  ["500 questions", { ...base, questions: 500 }],
  ["100 questions, an effect of 1", { ...base, effect: 1 }],
  ["100 easy questions, an effect of 1", { ...base, effect: 1, middle: 3 }],
  ["24 easy questions, 4 answers each, an effect of 1", { ...base, questions: 24, samples: 4, effect: 1, middle: 3 }],
  ["200 questions, 3 lucky seeds of each side", { ...base, questions: 200, seeds: 3, luck: 0.3 }],
  ["200 questions, 3 equal seeds of each side", { ...base, questions: 200, seeds: 3 }],
  ["200 questions, 3 lucky seeds, an effect of 0.5", { ...base, questions: 200, seeds: 3, luck: 0.3, effect: 0.5 }],
];

if (process.argv[1]?.endsWith("measure-intervals.ts") === true) {
  const evaluations = Number(process.argv[2] ?? 2000);
  console.log(
    "| world | interval of the difference holds it, % | p ≤ 0.05, % | interval of one side's accuracy holds it, % |\n|---|---|---|---|",
  );
  for (const [name, world] of worlds) {
    const { covered, rejected, accuracyCovered } = simulated(world, evaluations, createRandom(1).key(name));
    const percent = (share: number): string => (100 * share).toFixed(1);
    console.log(
      `| ${name} | ${percent(covered)} | ${percent(rejected)} | ${world.seeds > 1 ? "–" : percent(accuracyCovered)} |`,
    );
  }
}

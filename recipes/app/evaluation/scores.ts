/** What the answers of an evaluation, or of two, come to. */
import { createRandom } from "@papo/core";
import { answerClasses } from "@papo/plugins";
import type { PictureCondition } from "./pictures.ts";
import { isRight, rightShare, type Answer, type Question } from "./question.ts";
import { majorityAtK, type Vote } from "./majority.ts";
import { pairedDifference, type Difference } from "./paired.ts";
import { mean, passAtK, ratioEstimate, shareEstimate, type Estimate } from "./statistics.ts";

export interface Scores {
  readonly questions: number;
  /** Mean over questions of the share of right samples. */
  readonly average: Estimate;
  readonly pass: Readonly<Record<number, Estimate>>;
  /** Empty where nobody read what the answers are. */
  readonly majority: Readonly<Record<number, Estimate>>;
  /** Average by column and value. */
  readonly categories: Readonly<Record<string, Readonly<Record<string, Estimate & { readonly questions: number }>>>>;
  /** Shares of all answers by outcome: right, wrong, unreadable, no answer, late. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Shares of all answers by error class, of wrong ones without a known class as "unsorted". */
  readonly errors: Readonly<Record<string, Estimate>>;
  /**
   * Share of the answers that their own reasoning comes to, among those whose reasoning names one; null without any
   * (GRPO-CARE, arXiv:2506.16141).
   */
  readonly consistency: Estimate | null;
  /**
   * By condition of the pictures: what a token of the answers loses in log-prob under it, and its k3 of KL[π ‖
   * π_condition], means over tokens in nats.
   */
  readonly evidence: Readonly<Record<string, { readonly lost: Estimate; readonly kl: Estimate }>>;
}

/** 1, 2, 4 … up to the number of samples, itself included. */
export const ksOf = (samples: number): number[] => [
  ...new Set([...Array.from({ length: Math.floor(Math.log2(samples)) + 1 }, (_, power) => 2 ** power), samples]),
];

/** @param ks numbers of samples for pass@k and maj@k */
export function scoresOf(questions: readonly Question[], ks: readonly number[], seed = 1): Scores {
  const random = createRandom(seed).key("scores");
  const answers = questions.flatMap((question) => question.answers);
  const perK = (of: (question: Question, k: number) => number): Record<number, Estimate> =>
    Object.fromEntries(ks.map((k) => [k, shareEstimate(questions.map((question) => of(question, k)))]));
  const share = (list: readonly Answer[], has: (answer: Answer) => boolean): number =>
    list.length === 0 ? 0 : list.filter(has).length / list.length;
  const reasoned = questions
    .map((question) => question.answers.filter(({ consistent }) => consistent !== null))
    .filter((list) => list.length > 0);
  const classes = [...new Set(answers.flatMap((answer) => classOf(answer) ?? []))].sort();
  return {
    questions: questions.length,
    average: shareEstimate(questions.map(rightShare)),
    pass: perK((question, k) => passAtK(question.answers.length, question.answers.filter(isRight).length, k)),
    majority: answers.some(({ found }) => found !== null)
      ? perK((question, k) => majorityAtK(votesOf(question), k))
      : {},
    categories: categoriesOf(questions, (own) => ({ ...shareEstimate(own.map(rightShare)), questions: own.length })),
    outcomes: Object.fromEntries(
      [...new Set(answers.map(({ outcome }) => outcome))]
        .sort()
        .map((outcome) => [outcome, share(answers, (answer) => answer.outcome === outcome)]),
    ),
    errors: Object.fromEntries(
      classes.map((name) => [
        name,
        shareEstimate(questions.map((question) => share(question.answers, (answer) => classOf(answer) === name))),
      ]),
    ),
    consistency:
      reasoned.length === 0
        ? null
        : shareEstimate(reasoned.map((list) => share(list, ({ consistent }) => consistent === true))),
    evidence: Object.fromEntries(
      evidenceConditions(answers).map((condition) => {
        const perToken = (of: "lost" | "kl"): Estimate => {
          const [sums, tokens] = [
            questions.map((question) => overLooks(question, condition, (answer) => answer.under[condition]![of])),
            questions.map((question) => overLooks(question, condition, (answer) => answer.tokens)),
          ];
          return ratioEstimate(sums, tokens, random);
        };
        return [condition, { lost: perToken("lost"), kl: perToken("kl") }];
      }),
    ),
  };
}

/**
 * Right answers are one, and wrong ones that the verifier takes for the same are. Counted once for all k.
 */
function votesOf(question: Question): readonly Vote[] {
  const known = votes.get(question);
  if (known !== undefined) return known;
  const wrong = question.answers.flatMap((answer) => (isRight(answer) ? [] : (answer.found ?? [])));
  const classes = answerClasses(wrong).values();
  const own = question.answers.map((answer): Vote => {
    if (isRight(answer)) return { answer: "right", right: true };
    return { answer: answer.found === null ? null : `wrong ${classes.next().value!}`, right: false };
  });
  votes.set(question, own);
  return own;
}
const votes = new WeakMap<Question, readonly Vote[]>();

/** An error class; "unsorted" of a wrong answer that has none; null of a right one about which nothing is wrong. */
const classOf = (answer: Answer): string | null => answer.errorClass ?? (isRight(answer) ? null : "unsorted");

function categoriesOf<T>(
  questions: readonly Question[],
  of: (own: readonly Question[]) => T,
): Record<string, Record<string, T>> {
  const columns = [...new Set(questions.flatMap(({ categories }) => Object.keys(categories)))];
  return Object.fromEntries(
    columns.map((column) => {
      const values = [...new Set(questions.flatMap(({ categories }) => categories[column] ?? []))].sort();
      return [
        column,
        Object.fromEntries(
          values.map((value) => [value, of(questions.filter(({ categories }) => categories[column] === value))]),
        ),
      ];
    }),
  );
}

const evidenceConditions = (answers: readonly Answer[]): string[] => [
  ...new Set(answers.flatMap(({ under }) => Object.keys(under))),
];

const overLooks = ({ answers }: Question, condition: string, of: (answer: Answer) => number): number =>
  answers.reduce((sum, answer) => sum + (answer.under[condition] === undefined ? 0 : of(answer)), 0);

/** What a question's answers owe to its pictures. */
export interface Dependence {
  readonly id: string;
  /** Share of right answers with the real pictures, and under each other condition. */
  readonly real: number;
  readonly others: Readonly<Partial<Record<PictureCondition, number>>>;
  /** real − the mean of the others: 1 is all, 0 nothing. */
  readonly dependence: number;
  /** By condition, what a token of the answers to the real pictures loses in log-prob, nats. */
  readonly lost: Readonly<Record<string, number>>;
}

/** Of the questions that were asked under every condition. */
export function dependenceOf(byCondition: ReadonlyMap<PictureCondition, readonly Question[]>): Dependence[] {
  const others = [...byCondition]
    .filter(([condition]) => condition !== "real")
    .map(
      ([condition, questions]) =>
        [condition, new Map(questions.map((question) => [question.id, rightShare(question)]))] as const,
    );
  if (others.length === 0) return [];
  return (byCondition.get("real") ?? []).flatMap((question) => {
    const values = others.map(([condition, averages]) => [condition, averages.get(question.id)] as const);
    if (values.some(([, value]) => value === undefined)) return [];
    const real = rightShare(question);
    const lost = Object.fromEntries(
      evidenceConditions(question.answers).map((condition) => {
        const tokens = overLooks(question, condition, (answer) => answer.tokens);
        return [condition, overLooks(question, condition, (answer) => answer.under[condition]!.lost) / tokens];
      }),
    );
    return [
      {
        id: question.id,
        real,
        others: Object.fromEntries(values),
        dependence: real - mean(values.map(([, value]) => value!)),
        lost,
      },
    ];
  });
}

export interface Comparison extends Difference {
  readonly questions: number;
  /**
   * For each class of errors that either has: its share of all answers in `a` and in `b`, and by how much of `a`'s it
   * is less in `b` (PAPO, arXiv:2507.06448, fig. 1).
   */
  readonly errors: Readonly<Record<string, { readonly a: number; readonly b: number; readonly reduction: Estimate }>>;
}

/**
 * Several evaluations of the same questions as one, with all their answers: seeds of a recipe. Questions that one of
 * them lacks are left out.
 */
export function pooled(evaluations: readonly (readonly Question[])[]): Question[] {
  const [first = [], ...others] = evaluations;
  const byId = others.map((questions) => new Map(questions.map((question) => [question.id, question])));
  return first.flatMap((question) => {
    const all = [question, ...byId.map((questions) => questions.get(question.id))];
    return all.some((one) => one === undefined) ? [] : [{ ...question, answers: all.flatMap((one) => one!.answers) }];
  });
}

/**
 * Two evaluations over the questions that both have; the difference of averages is a − b. @throws Error when they share
 * none
 */
export function compareEvaluations(a: readonly Question[], b: readonly Question[], seed = 1): Comparison {
  const other = new Map(b.map((question) => [question.id, question]));
  const pairs = a.flatMap((question) => (other.has(question.id) ? [[question, other.get(question.id)!] as const] : []));
  if (pairs.length === 0) throw new Error("the two evaluations have no question in common");
  const random = createRandom(seed).key("comparison");
  const classes = [
    ...new Set(
      pairs.flatMap((pair) => pair.flatMap(({ answers }) => answers.flatMap((answer) => classOf(answer) ?? []))),
    ),
  ].sort();
  const shares = (which: 0 | 1, name: string): number[] =>
    pairs.map(
      (pair) => pair[which].answers.filter((answer) => classOf(answer) === name).length / pair[which].answers.length,
    );
  return {
    ...pairedDifference(
      pairs.map(([own]) => rightShare(own)),
      pairs.map(([, theirs]) => rightShare(theirs)),
    ),
    questions: pairs.length,
    errors: Object.fromEntries(
      classes.map((name) => {
        const [mine, theirs] = [shares(0, name), shares(1, name)];
        return [
          name,
          {
            a: mean(mine),
            b: mean(theirs),
            reduction: ratioEstimate(
              mine.map((value, index) => value - theirs[index]!),
              mine,
              random.key("reduction", name),
            ),
          },
        ];
      }),
    ),
  };
}

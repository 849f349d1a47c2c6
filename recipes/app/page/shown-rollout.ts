/** A logged rollout as the page shows it, and the index that the page chooses by. */
import type { PictureReference } from "../report/questions.ts";
import type { RolloutHead, SampleRow } from "../report/run-record.ts";
import { short, type RolloutIndex, type ShownRollout } from "./contract.ts";

/** Tokens shown of one response, and characters of one text: longer ones are cut, and the page says so. */
const [largestShownLength, largestShownText] = [1500, 20_000];

/** Where a run's picture is for the page: of a file or data URL that the run names. */
export type PictureAddress = (run: number, picture: string) => PictureReference;

export function shownRollout(id: number, run: number, row: SampleRow, address: PictureAddress): ShownRollout {
  const cutTo = <T>(list: readonly T[]): readonly T[] => list.slice(0, largestShownLength);
  const shorts = (list: readonly number[]): number[] => cutTo(list).map((value) => short(value) ?? 0);
  const text = (value: string): string =>
    value.length > largestShownText ? `${value.slice(0, largestShownText)} …` : value;
  const {
    step,
    key,
    question,
    answer,
    finish,
    reward,
    parts,
    notes,
    pieces,
    given,
    logProbs,
    advantages,
    entropy,
    perceptionKl,
    pictures,
  } = row;
  return {
    id,
    run,
    step,
    key,
    question: text(question),
    answer: text(answer),
    // Pieces say it already.
    text: pieces.length > 0 ? "" : text(row.text),
    finish,
    reward: short(reward),
    parts: Object.fromEntries(Object.entries(parts).map(([name, value]) => [name, short(value) ?? 0])),
    notes,
    pieces: cutTo(pieces),
    ...(given === undefined ? {} : { given }),
    logProbs: shorts(logProbs),
    advantages: shorts(advantages),
    entropy: shorts(entropy),
    perceptionKl: shorts(Object.values(perceptionKl)[0] ?? []),
    views: pictures.flatMap(({ views }) =>
      Object.entries(views).map(([view, file]) => ({ view, picture: address(run, file) })),
    ),
    cut: Math.max(0, pieces.length - largestShownLength),
  };
}

/** Heads as lists, verdicts by reference. */
export class IndexLists {
  readonly verdictSets: (readonly string[])[] = [];
  readonly #setOf = new Map<string, number>();

  /** The index of rollouts from the id `from` on; `heads` are those. */
  of(
    heads: readonly { readonly run: number; readonly head: RolloutHead }[],
    about: Pick<RolloutIndex, "version" | "from" | "total" | "reading">,
  ): RolloutIndex {
    const verdicts = heads.map(({ head }) => this.#verdictSet(head.verdicts));
    return {
      ...about,
      verdictSets: this.verdictSets,
      run: heads.map(({ run }) => run),
      step: heads.map(({ head }) => head.step),
      reward: heads.map(({ head }) => short(head.reward)),
      verdicts,
      length: heads.map(({ head }) => head.length),
      perceptionKl: heads.map(({ head }) => short(head.perceptionKl)),
    };
  }

  #verdictSet(verdicts: readonly string[]): number {
    const key = JSON.stringify(verdicts);
    const known = this.#setOf.get(key) ?? this.verdictSets.push(verdicts) - 1;
    this.#setOf.set(key, known);
    return known;
  }
}

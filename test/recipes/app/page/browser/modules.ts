/** Modules of the page as Node imports them: plain JavaScript, so their types are said here. */
interface Line {
  readonly steps: readonly number[];
  readonly mean: readonly (number | null)[];
  readonly low?: readonly (number | null)[];
  readonly high?: readonly (number | null)[];
}

const load = (name: string): Promise<unknown> =>
  import(new URL(`../../../../../recipes/app/page/browser/${name}`, import.meta.url).href);

export const series = (await load("series.js")) as {
  smoothed(values: readonly (number | null)[], weight: number): (number | null)[];
  bandOf(curves: readonly Line[]): Required<Line>;
  columnsOf(
    lines: readonly (Line & { readonly label: string; readonly look: object })[],
    weight: number,
  ): { readonly table: (number | null)[][]; readonly columns: { readonly kind: string; readonly label: string }[] };
};

export interface Index {
  readonly version: number;
  readonly verdictSets: readonly (readonly string[])[];
  readonly total: number;
  readonly reading: boolean;
  readonly run: number[];
  readonly step: number[];
  readonly reward: (number | null)[];
  readonly verdicts: number[];
  readonly length: number[];
  readonly perceptionKl: (number | null)[];
}

export const rolloutChoice = (await load("rollout-choice.js")) as {
  emptyIndex(): Index;
  extended(index: Index, more: Index & { readonly from: number }): Index;
  chosen(index: Index, filter: Readonly<Record<"run" | "verdict" | "from" | "to" | "order", string>>): number[];
};

/** What each term of the loss did: the ledger's means over a run's last steps, all seeds of a recipe together. */
import type { RunRecord } from "./run-record.ts";

/** Steps that are averaged, the last of each run. */
export const ledgerSteps = 10;

export interface LedgerLine {
  readonly term: string;
  readonly value: number | null;
  readonly weighted: number | null;
  readonly factor: number | null;
  readonly norm: number | null;
  readonly cosine: number | null;
  readonly share: number | null;
  /** What its scores cost in a step. */
  readonly seconds: number | null;
}

/** One line per term, and per plugin that has scores computed and gives no term. */
export function ledgerOf(runs: readonly RunRecord[]): LedgerLine[] {
  const steps = runs.flatMap((run) => run.steps.slice(-ledgerSteps).map(({ metrics }) => metrics));
  const names = steps.flatMap((metrics) => Object.keys(metrics));
  const terms = names.flatMap(
    (name) => /^ledger\/(.+)\/norm$/.exec(name)?.[1] ?? /^timing\/terms\/(.+)$/.exec(name)?.[1] ?? [],
  );
  const mean = (name: string): number | null => {
    const values = steps.flatMap((metrics) => metrics[name] ?? []);
    return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
  };
  return [...new Set(terms)].map((term) => ({
    term,
    value: mean(`loss/${term}`),
    weighted: mean(`ledger/${term}/weighted`),
    factor: mean(`ledger/${term}/factor`),
    norm: mean(`ledger/${term}/norm`),
    cosine: mean(`ledger/${term}/cosine`),
    share: mean(`ledger/${term}/share`),
    seconds: mean(`timing/terms/${term}`),
  }));
}

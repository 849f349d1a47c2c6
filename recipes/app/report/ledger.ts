/** What each term of the loss did: the ledger's means over a run's last steps, all seeds of a recipe together. */
import { byRecipe } from "./curves.ts";
import { escapeHtml } from "./html.ts";
import type { RunRecord } from "./run-record.ts";

/** Steps that are averaged, the last of each run. */
const LAST = 10;

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
  const steps = runs.flatMap((run) => run.steps.slice(-LAST).map(({ metrics }) => metrics));
  const names = steps.flatMap((metrics) => Object.keys(metrics));
  const terms = names.flatMap((name) => /^ledger\/(.+)\/norm$/.exec(name)?.[1] ?? /^timing\/terms\/(.+)$/.exec(name)?.[1] ?? []);
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

/** A table per recipe; a sentence instead where no run kept a ledger. */
export function ledgerTables(runs: readonly RunRecord[]): string {
  const tables = [...byRecipe(runs)].flatMap(([recipe, seeds]) => {
    const lines = ledgerOf(seeds);
    if (lines.length === 0) return [];
    const rows = lines.map(({ term, value, weighted, factor, norm, cosine, share, seconds }) => {
      const cells = [number(value), number(factor), number(weighted), number(norm), number(cosine), share === null ? "–" : (100 * share).toFixed(1), number(seconds)];
      return `<tr><th scope="row">${escapeHtml(term)}</th>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`;
    });
    return [`<h3>${escapeHtml(recipe)}</h3><div class="wide"><table class="results"><thead><tr><th>term</th><th>value</th><th>coefficient</th><th>its part of the loss</th><th>norm of its cotangent</th><th>cosine with the objective</th><th>tokens it acts on, %</th><th>seconds of its scores</th></tr></thead><tbody>${rows.join("")}</tbody></table></div>`];
  });
  if (tables.length === 0) return `<p class="note">No run kept a ledger.</p>`;
  return `${tables.join("")}<p class="note">Means over the last ${LAST} steps of each run. The cotangent is what a term sends back to the log-probs: its norm says how hard it pulls, its cosine with the objective's whether they pull the same way.</p>`;
}

const number = (value: number | null): string => (value === null ? "–" : value === 0 ? "0" : Number(value.toPrecision(3)).toString());

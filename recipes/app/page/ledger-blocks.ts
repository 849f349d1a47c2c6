/** What each term of the loss did, as a table per recipe. */
import { byRecipe } from "../report/curves.ts";
import { ledgerOf, ledgerSteps } from "../report/ledger.ts";
import type { RunRecord } from "../report/run-record.ts";
import { note, type Block, type Cell } from "./blocks.ts";

const number = (value: number | null): Cell =>
  value === null ? null : { text: value === 0 ? "0" : Number(value.toPrecision(3)).toString().replace("-", "−") };

const columns = [
  "value",
  "coefficient",
  "its part of the loss",
  "how hard it pulls (norm of its gradient)",
  "cosine with the objective",
  "tokens it acts on, %",
  "seconds of its scores",
].map((text) => ({ text }));

/** A sentence instead where no run kept a ledger. */
export function ledgerBlocks(runs: readonly RunRecord[]): Block[] {
  const tables = [...byRecipe(runs)].flatMap(([recipe, seeds]): Block[] => {
    const rows = ledgerOf(seeds).map(({ term, value, weighted, factor, norm, cosine, share, seconds }) => ({
      head: term,
      cells: [
        number(value),
        number(factor),
        number(weighted),
        number(norm),
        number(cosine),
        share === null ? null : { text: (100 * share).toFixed(1) },
        number(seconds),
      ],
    }));
    return rows.length === 0
      ? []
      : [
          { kind: "heading", text: recipe },
          {
            kind: "table",
            caption: `Terms of the loss of ${recipe}`,
            corner: ["term"],
            columns,
            groups: [{ head: "", rows }],
          },
        ];
  });
  if (tables.length === 0) return [note("No run kept a ledger.")];
  return [
    ...tables,
    note(
      `Means over the last ${ledgerSteps} steps of each run. A term's gradient is the one that it sends back to the log-probs: its norm says how hard the term pulls, its cosine with the objective's whether they pull the same way.`,
    ),
  ];
}

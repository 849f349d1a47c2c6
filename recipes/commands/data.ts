/** `papo data check`: what is wrong with a dataset. */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import type { Dataset } from "@papo/core";
import type { Command } from "./command.ts";
import { checkData, findingKinds, type DataReport } from "../data-check.ts";
import { openSources, resolveData } from "../data-source.ts";

export const data: Command = {
  usage: "papo data check <rows.jsonl | rows.parquet | folder> [--columns prompt=problem,images=pictures] [--split train] [--against test.jsonl]",
  summary: [
    "Read every row and picture, and list what will not do: rows, answers, pictures; with --against, leaks of a test set.",
    "Rows that cannot be used, empty answers and answers that no verifier can read, answers whose LaTeX lost its backslashes, missing and broken pictures, repeated rows and pictures, pictures that look like those of a test set. Prints each finding (at most 20 of a kind; --all for all) and the counts as a last line of JSON.",
  ].join("\n"),
  async run(args) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { columns: { type: "string" }, split: { type: "string" }, against: { type: "string" }, all: { type: "boolean", default: false } },
    });
    const [verb, path] = positionals;
    if (verb !== "check" || path === undefined || positionals.length > 2) throw new Error(`usage: ${data.usage}`);
    const columns = values.columns === undefined ? {} : { columns: columnsOf(values.columns) };
    const open = (file: string): Promise<Dataset> => openSources(resolveData({ path: file, ...columns, ...(values.split === undefined ? {} : { split: values.split }) }, resolve("."), "data"), "skip");
    const dataset = await open(path);
    const report = await checkData(dataset, values.against === undefined ? {} : { against: await open(values.against) });
    console.log(linesOf(report, dataset.name, values.all).join("\n"));
  },
};

/** "prompt=problem,images=pictures". */
export function columnsOf(text: string): Record<string, string> {
  return Object.fromEntries(text.split(",").map((pair) => {
    const [purpose, column, ...more] = pair.split("=");
    if (!purpose || !column || more.length > 0) throw new Error(`--columns: "${pair}" is not name=column`);
    return [purpose, column];
  }));
}

function linesOf({ rows, pictures, findings }: DataReport, name: string, all: boolean): string[] {
  const lines = [`${name}: ${rows} rows; ${pictures.none} without pictures, ${pictures.one} with one, ${pictures.several} with several`];
  for (const kind of findingKinds) {
    const found = findings[kind];
    const shown = all ? found : found.slice(0, 20);
    lines.push(...shown.map(({ row, what }) => `${kind}: row "${row}": ${what}`));
    if (found.length > shown.length) lines.push(`${kind}: and ${found.length - shown.length} more`);
  }
  return [...lines, JSON.stringify({ rows, ...Object.fromEntries(findingKinds.map((kind) => [kind, findings[kind].length])) })];
}

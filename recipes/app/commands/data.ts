/** `papo data check`: what is wrong with a dataset. */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { specialTokensOf, type Dataset } from "@papo/core";
import { benchmarkOf } from "../../run-file/benchmarks.ts";
import { checkData, findingKinds, unusableKinds, type DataReport } from "../data-check/check.ts";
import { nameOfData, openSources, resolveData, type Data } from "../../run-file/data-source.ts";
import { numberFrom } from "../options.ts";
import { loadRunFile } from "../../run-file/run-file.ts";
import type { Command } from "./command.ts";

const options = {
  columns: { type: "string" }, split: { type: "string" }, template: { type: "string" }, benchmark: { type: "string" }, model: { type: "string" }, against: { type: "string" },
  threshold: { type: "string", default: "3" }, all: { type: "boolean", default: false },
} as const;

export const data: Command = {
  usage: "papo data check <rows.jsonl | rows.csv | rows.parquet | folder | run.ts> [--columns prompt=problem,images=pictures] [--split train] [--template \"{prompt} …\"] [--model folder] [--against test.jsonl [--threshold 3]]",
  summary: [
    "Read every row and picture, and list what will not do: rows, marks, answers, pictures; with --against, leaks of a test set.",
    "Rows that cannot be used, marks <image> that are not as many as the pictures, empty answers and answers that no verifier can read, missing and broken pictures: with one of these the exit code is 1.",
    "Besides: answers whose LaTeX lost its backslashes, answers that are the word for a missing value, the share of questions in which their answer stands, control tokens of chat formats in questions (with --model, of its own), repeated rows and",
    "pictures, pictures that look like those of a test set, pair by pair (--threshold: bits of 64 in which two may differ). Of a run file, the rows as the run reads them, with its template and model.",
    "Columns with dots are inside others (answer=extra_info.answer), images= says that there are none; also --benchmark. Prints each finding (at most 20 of a kind; --all for all) and the counts as a last line of JSON.",
  ].join("\n"),
  options,
  async run(args) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options,
    });
    const [verb, path] = positionals;
    if (verb !== "check" || path === undefined || positionals.length > 2) throw new Error(`usage: ${data.usage}`);
    const threshold = numberFrom("--threshold", values.threshold, 0);
    const { benchmark, template, split } = values;
    if (benchmark !== undefined) benchmarkOf(benchmark);
    const read = { ...(benchmark === undefined ? {} : { benchmark }), ...(values.columns === undefined ? {} : { columns: columnsOf(values.columns) }), ...(split === undefined ? {} : { split }) };
    const from = (file: string, more: object = {}): Data => resolveData({ path: file, ...read, ...more }, resolve("."), "data");
    const run = /\.[cm]?[jt]s$/.test(path) ? await loadRunFile(path) : null;
    const source = run?.data ?? from(path, template === undefined ? {} : { template });
    const dataset = await openSources(source, "skip");
    const model = values.model ?? run?.model;
    const report = await checkData(dataset, {
      threshold,
      ...(model === undefined ? {} : { controlTokens: await specialTokensOf(resolve(model)) }),
      ...(values.against === undefined ? {} : { against: await openAgainst(values.against, from) }),
    });
    console.log([...(dataset.notes ?? []), ...linesOf(report, run === null ? dataset.name : nameOfData(source), values.all)].join("\n"));
    return unusableKinds.some((kind) => report.findings[kind].length > 0) ? 1 : 0;
  },
};

/** A test set may have columns of its own: those of the data where it has them, else the usual ones. */
async function openAgainst(path: string, from: (file: string) => Data): Promise<Dataset> {
  return openSources(from(path), "skip").catch(() => openSources(resolveData(path, resolve("."), "--against"), "skip"));
}

/** "prompt=problem,images=left,images=right"; nothing after = says that there is no such column. */
export function columnsOf(text: string): Record<string, string | string[]> {
  const columns: Record<string, string | string[]> = {};
  for (const pair of text.split(",")) {
    const [purpose, column, ...more] = pair.split("=");
    if (!purpose || column === undefined || (column === "" && purpose !== "images") || more.length > 0) throw new Error(`--columns: "${pair}" is not name=column`);
    const earlier = columns[purpose];
    if (earlier !== undefined && purpose !== "images") throw new Error(`--columns: ${purpose} is given twice`);
    columns[purpose] = column === "" ? [] : earlier === undefined ? column : [earlier, column].flat();
  }
  return columns;
}

function linesOf({ rows, pictures, findings }: DataReport, name: string, all: boolean): string[] {
  const lines = [`${name}: ${rows} rows; ${pictures.none} without pictures, ${pictures.one} with one, ${pictures.several} with several`];
  for (const kind of findingKinds) {
    const found = findings[kind];
    const told = all ? found : found.slice(0, 20);
    lines.push(...told.map(({ row, what }) => `${kind}: row "${row}": ${what}`));
    if (found.length > told.length) lines.push(`${kind}: and ${found.length - told.length} more`);
  }
  const telling = findings["answer in the question"].length;
  lines.push(`the answer stands in the question of ${telling} of ${rows} rows (${((100 * telling) / Math.max(1, rows)).toFixed(1)} %)`);
  return [...lines, JSON.stringify({ rows, ...Object.fromEntries(findingKinds.map((kind) => [kind, findings[kind].length])) })];
}

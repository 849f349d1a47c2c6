/** `papo data check`: what is wrong with a dataset. */
import { resolve } from "node:path";
import { specialTokensOf, type Dataset } from "@papo/core";
import { checkData, findingKinds, unusableKinds, type DataReport } from "../data-check/check.ts";
import { nameOfData, openSources, resolveData, type Data } from "../../run-file/data-source.ts";
import { loadRunFile } from "../../run-file/run-file.ts";
import { textCommand, UsageError } from "../command-line/command.ts";
import { dataAt, dataOptions } from "../command-line/data-options.ts";
import { isRunFile } from "../command-line/run-file-options.ts";
import { notAmong } from "../command-line/options.ts";
import { say } from "../display/say.ts";

export const data = textCommand({
  name: "data",
  forms: ["check <rows.jsonl | rows.csv | rows.parquet | folder | run.ts>"],
  summary: [
    "Read every row and picture, and list what will not do: rows, marks, answers, pictures; with --against, leaks of a test set.",
    "Rows that cannot be used, marks <image> that are not as many as the pictures, empty answers and answers that no verifier can read, missing and broken pictures: with one of these the exit code is 1.",
    "Besides: answers whose LaTeX lost its backslashes, answers that are the word for a missing value, the share of questions in which their answer stands, control tokens of chat formats in questions, repeated rows and pictures, pictures that look like those of a test set, pair by pair.",
    "Of a run file, the rows as the run reads them, with its template and model. Prints each finding and the counts as a last line of JSON.",
  ],
  options: {
    ...dataOptions,
    model: { kind: "text", value: "<folder>", text: "The model whose control tokens are looked for, too." },
    against: { kind: "text", value: "<test.jsonl>", text: "A test set that the rows must not hold." },
    threshold: {
      kind: "number",
      least: 0,
      default: 3,
      text: "Bits of 64 in which two pictures that look alike may differ.",
    },
    all: { kind: "flag", text: "Print all findings, not 20 of a kind." },
  },
  positionals: [2, 2],
  async run({ values, positionals: [verb, path] }) {
    if (verb !== "check") throw new UsageError([notAmong("", verb!, ["check"]).trimStart()]);
    const { template, columns, split, benchmark } = values;
    const from = (file: string, more: Pick<typeof values, "template">): Data =>
      dataAt(file, { columns, split, benchmark, ...more });
    const run = isRunFile(path!) ? await loadRunFile(path!) : null;
    const source = run?.data ?? from(path!, { template });
    const dataset = await openSources(source, "skip");
    const model = values.model ?? run?.model;
    const report = await checkData(dataset, {
      threshold: values.threshold,
      ...(model === undefined ? {} : { controlTokens: await specialTokensOf(resolve(model)) }),
      ...(values.against === undefined
        ? {}
        : { against: await openAgainst(values.against, (file) => from(file, { template: undefined })) }),
    });
    say(
      [...(dataset.notes ?? []), ...linesOf(report, run === null ? dataset.name : nameOfData(source), values.all)].join(
        "\n",
      ),
    );
    return unusableKinds.some((kind) => report.findings[kind].length > 0) ? 1 : 0;
  },
});

/** A test set may have columns of its own: those of the data where it has them, else the usual ones. */
async function openAgainst(path: string, from: (file: string) => Data): Promise<Dataset> {
  return openSources(from(path), "skip").catch(() => openSources(resolveData(path, resolve("."), "--against"), "skip"));
}

function linesOf({ rows, pictures, findings }: DataReport, name: string, all: boolean): string[] {
  const lines = [
    `${name}: ${rows} rows; ${pictures.none} without pictures, ${pictures.one} with one, ${pictures.several} with several`,
  ];
  for (const kind of findingKinds) {
    const found = findings[kind];
    const told = all ? found : found.slice(0, 20);
    lines.push(...told.map(({ row, what }) => `${kind}: row "${row}": ${what}`));
    if (found.length > told.length) lines.push(`${kind}: and ${found.length - told.length} more`);
  }
  const telling = findings["answer in the question"].length;
  lines.push(
    `the answer stands in the question of ${telling} of ${rows} rows (${((100 * telling) / Math.max(1, rows)).toFixed(1)} %)`,
  );
  return [
    ...lines,
    JSON.stringify({ rows, ...Object.fromEntries(findingKinds.map((kind) => [kind, findings[kind].length])) }),
  ];
}

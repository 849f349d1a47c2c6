/** Options of commands that read a dataset which no run file describes. */
import { resolve } from "node:path";
import { benchmarks, type BenchmarkName } from "../../run-file/benchmarks.ts";
import { resolveData, type Data } from "../../run-file/data-source.ts";
import type { GivenOptions, Options } from "./options.ts";

export const dataOptions = {
  columns: {
    kind: "text",
    value: "<prompt=problem,images=pictures>",
    text: "Which column holds what, where the usual names do not say it; a dot leads into a column (answer=extra_info.answer), images= says that there are none.",
  },
  split: { kind: "text", value: "<name>", text: "Of a folder: the files whose names begin so." },
  template: {
    kind: "text",
    value: '"{prompt} …"',
    text: "What is asked: {prompt} is the row's own, {name} its column of that name.",
  },
  benchmark: {
    kind: "choice",
    value: "<name>",
    choices: Object.keys(benchmarks) as BenchmarkName[],
    text: `The data is in a public layout: ${Object.keys(benchmarks).join(", ")}.`,
  },
} as const satisfies Options;

/** The data at a path, read as the options say. */
export function dataAt(
  path: string,
  { columns, split, template, benchmark }: Partial<GivenOptions<typeof dataOptions>>,
): Data {
  const source = { path, benchmark, columns: columns === undefined ? undefined : columnsOf(columns), split, template };
  return resolveData(
    Object.fromEntries(Object.entries(source).filter(([, value]) => value !== undefined)),
    resolve("."),
    "data",
  );
}

/** "prompt=problem,images=left,images=right"; nothing after = says that there is no such column. */
function columnsOf(text: string): Record<string, string | string[]> {
  const columns: Record<string, string | string[]> = {};
  for (const pair of text.split(",")) {
    const [purpose, column, ...more] = pair.split("=");
    if (!purpose || column === undefined || (column === "" && purpose !== "images") || more.length > 0)
      throw new Error(`--columns: "${pair}" is not name=column`);
    const earlier = columns[purpose];
    if (earlier !== undefined && purpose !== "images") throw new Error(`--columns: ${purpose} is given twice`);
    columns[purpose] = column === "" ? [] : earlier === undefined ? column : [earlier, column].flat();
  }
  return columns;
}

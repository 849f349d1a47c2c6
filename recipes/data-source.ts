/** Where a run's rows come from, as a run file says it. */
import { isAbsolute, resolve } from "node:path";
import { mixDatasets, openData, parseOptions, type DataOptions, type Dataset, type Row } from "@papo/core";
import { z } from "zod";
import { benchmarkOf, benchmarks, type BenchmarkName } from "./benchmarks.ts";

export interface DataSource {
  /** A .jsonl, .json, .parquet or .arrow file, or the folder of a Hugging Face dataset. */
  readonly path: string;
  /** It is in the layout of this benchmark; see benchmarks.ts. */
  readonly benchmark?: BenchmarkName;
  /** Which column holds what: { prompt: "problem" }. */
  readonly columns?: NonNullable<DataOptions["columns"]>;
  /** Of a folder: the files whose names begin with this. */
  readonly split?: string;
  /** What is asked: "{prompt}" is the row's own, "{name}" its column of that name; see promptTemplates. */
  readonly template?: string;
  /** In a list of sources: how much of it, relative to the others. Default 1. */
  readonly weight?: number;
}

/** One path, one source, or a mix. */
export type Data = string | DataSource | readonly DataSource[];

/** Forms of the question that rewards for format and boxed answers go with. */
export const promptTemplates = {
  /** Thoughts in tags, then a boxed answer: what FormatRewardPlugin looks for. */
  thinkBoxed: "{prompt}\n\nThink about it first, inside <think> </think> tags. Then give the final answer inside \\boxed{}.",
  /** A boxed answer after reasoning in the open. */
  boxed: "{prompt}\n\nReason step by step, and give the final answer inside \\boxed{}.",
} as const;

const schema = z.strictObject({
  path: z.string(),
  benchmark: z.enum(Object.keys(benchmarks) as [BenchmarkName, ...BenchmarkName[]]).optional(),
  columns: z.record(z.string(), z.union([z.string(), z.array(z.string())])).optional(),
  split: z.string().optional(),
  template: z.string().optional(),
  weight: z.number().positive().optional(),
});

/** The sources with absolute paths. @throws Error naming what is no source */
export function resolveData(data: unknown, from: string, name: string): Data {
  const absolute = (path: string): string => (isAbsolute(path) ? path : resolve(from, path));
  if (typeof data === "string") return absolute(data);
  const one = (source: unknown, index: number | null): DataSource => {
    const where = index === null ? name : `${name}[${index}]`;
    if (typeof source !== "object" || source === null) throw new Error(`${where} must be a path or { path, … }, it is ${JSON.stringify(source)}`);
    const parsed = parseOptions(where, schema, source);
    return { ...(parsed as DataSource), path: absolute(parsed.path) };
  };
  if (!Array.isArray(data)) return one(data, null);
  if (data.length === 0) throw new Error(`${name} is an empty list: give at least one source`);
  return data.map(one);
}

/** Open what a run file names. @throws Error naming the file or the part at fault */
export async function openSources(data: Data, onBadRow: "stop" | "skip" = "stop"): Promise<Dataset> {
  if (typeof data === "string") return openData(data, { onBadRow });
  if (!isList(data)) return openSource(data, onBadRow);
  const parts = await Promise.all(data.map(async (source) => ({ dataset: await openSource(source, onBadRow), weight: source.weight ?? 1 })));
  return parts.length === 1 ? parts[0]!.dataset : mixDatasets(parts);
}

const isList = (data: Exclude<Data, string>): data is readonly DataSource[] => Array.isArray(data);

async function openSource({ path, benchmark, columns, split, template }: DataSource, onBadRow: "stop" | "skip"): Promise<Dataset> {
  const layout = benchmark === undefined ? undefined : benchmarkOf(benchmark);
  const dataset = await openData(path, { ...layout?.options, onBadRow, ...(columns === undefined ? {} : { columns: { ...layout?.options.columns, ...columns } }), ...(split === undefined ? {} : { split }) });
  if (layout?.row === undefined && template === undefined) return dataset;
  const asked = layout?.row ?? ((row: Row): Row => row);
  return { ...dataset, row: async (index) => (template === undefined ? asked(await dataset.row(index)) : filled(asked(await dataset.row(index)), template)) };
}

function filled(row: Row, template: string): Row {
  const prompt = template.replace(/\{([A-Za-z_]\w*)\}/g, (_, name: string) => {
    const value = name === "prompt" ? row.prompt : name === "answer" ? row.answer : row.fields[name];
    if (typeof value !== "string" && typeof value !== "number") throw new Error(`The template asks for the column "${name}" of row "${row.id}", which has ${Object.keys(row.fields).join(", ") || "no columns besides"}`);
    return String(value);
  });
  return { ...row, prompt };
}

/** For lines on a screen. */
export const nameOfData = (data: Data): string => (typeof data === "string" ? data : (isList(data) ? data : [data]).map(({ path }) => path).join(" + "));

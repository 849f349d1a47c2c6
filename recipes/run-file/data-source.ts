/** Where a run's rows come from, as a run file says it. */
import { readdirSync, statSync } from "node:fs";
import { isAbsolute, join, relative, resolve } from "node:path";
import {
  mixDatasets,
  openData,
  parseOptions,
  shown,
  spellControlTokens,
  textDigest,
  type DataOptions,
  type Dataset,
  type Row,
} from "@papo/core";
import { z } from "zod";
import { benchmarkOf, benchmarks, type Benchmark, type BenchmarkName } from "./benchmarks.ts";
import { checkTemplate, filled } from "./template.ts";

export interface DataSource {
  /** A .jsonl, .json, .csv, .tsv, .parquet, .arrow or .feather file, or the folder of a Hugging Face dataset. */
  readonly path: string;
  /** It is in the layout of this benchmark; see benchmarks.ts. */
  readonly benchmark?: BenchmarkName;
  /**
   * Which column holds what, where the usual names do not say it: { prompt: "problem", answer: "extra_info.answer" };
   * images: [] for rows without pictures.
   */
  readonly columns?: NonNullable<DataOptions["columns"]>;
  /** Of a folder: the files whose names begin with this. */
  readonly split?: string;
  /**
   * What is asked: "{prompt}" is the row's own, "{name}" its column of that name, "{{name}}" the word in braces; see
   * promptTemplates.
   */
  readonly template?: string;
  /**
   * What chat formats mark turns and pictures by, where a row's own text has it: "keep" reads it as the model does,
   * "text" puts a space into it, so that it is read as text. Default "keep".
   */
  readonly controlTokens?: "keep" | "text";
  /**
   * What reading it may cost: seconds for a row (or a block of a Parquet or Arrow file), 60, and memory of the process
   * that reads, 4096 MiB.
   */
  readonly limits?: NonNullable<DataOptions["limits"]>;
  /** In a list of sources: how much of it, relative to the others; 0 leaves it out. Default 1. */
  readonly weight?: number;
}

/** One path, one source, or a mix. */
export type Data = string | DataSource | readonly DataSource[];

/** Forms of the question that rewards for format and boxed answers go with. */
export const promptTemplates = {
  /** Thoughts in tags, then a boxed answer: what FormatRewardPlugin looks for. */
  thinkBoxed:
    "{prompt}\n\nThink about it first, inside <think> </think> tags. Then give the final answer inside \\boxed{}.",
  /** A boxed answer after reasoning in the open. */
  boxed: "{prompt}\n\nReason step by step, and give the final answer inside \\boxed{}.",
} as const;

export const dataSchema = z.strictObject({
  path: z.string(),
  benchmark: z.enum(Object.keys(benchmarks) as [BenchmarkName, ...BenchmarkName[]]).optional(),
  columns: z.record(z.string(), z.union([z.string(), z.array(z.string())])).optional(),
  split: z.string().optional(),
  template: z.string().optional(),
  controlTokens: z.enum(["keep", "text"]).optional(),
  limits: z
    .strictObject({ seconds: z.number().positive().optional(), megabytes: z.int().min(256).optional() })
    .optional(),
  weight: z.number().nonnegative().optional(),
});

/** The sources with absolute paths. @throws Error naming what is no source */
export function resolveData(data: unknown, from: string, name: string): Data {
  const absolute = (path: string): string => (isAbsolute(path) ? path : resolve(from, path));
  if (typeof data === "string") return absolute(data);
  const one = (source: unknown, index: number | null): DataSource => {
    const where = index === null ? name : `${name}[${index}]`;
    if (typeof source !== "object" || source === null)
      throw new Error(`${where} must be a path or { path, … }, it is ${shown(source)}`);
    const parsed = parseOptions(where, dataSchema, source);
    return { ...(parsed as DataSource), path: absolute(parsed.path) };
  };
  if (!Array.isArray(data)) return one(data, null);
  if (data.length === 0) throw new Error(`${name} is an empty list: give at least one source`);
  return data.map(one);
}

/** Open what a run file names. @throws Error naming the file or the part at fault */
export async function openSources(data: Data, onBadRow: "stop" | "skip" = "stop"): Promise<Dataset> {
  if (!isList(data)) return openSource(typeof data === "string" ? { path: data } : data, onBadRow);
  const mixed = data.filter(({ weight }) => weight !== 0);
  if (mixed.length === 0) throw new Error("Every source of the data has the weight 0: nothing is left of it");
  const parts = await Promise.all(
    mixed.map(async (source) => ({ dataset: await openSource(source, onBadRow), weight: source.weight ?? 1 })),
  );
  return parts.length === 1 ? parts[0]!.dataset : mixDatasets(parts);
}

const isList = (data: Data): data is readonly DataSource[] => Array.isArray(data);

async function openSource(
  { path, benchmark, columns, split, template, controlTokens, limits }: DataSource,
  onBadRow: "stop" | "skip",
): Promise<Dataset> {
  const layout: Benchmark | undefined = benchmark === undefined ? undefined : benchmarkOf(benchmark);
  const mapped = { ...layout?.options.columns, ...columns };
  if (template !== undefined) checkTemplate(template, mapped.answer);
  const opened = await openData(path, {
    ...layout?.options,
    onBadRow,
    columns: mapped,
    ...(split === undefined ? {} : { split }),
    ...(limits === undefined ? {} : { limits: definedIn(limits) }),
  }).catch((error: unknown) => {
    throw layout?.needs === undefined
      ? error
      : new Error(`${(error as Error).message} (${layout.needs})`, { cause: error });
  });
  // Of every file: rows and answers in another order, or corrected, are other data. What pictures hold that rows name
  // by path is asked for besides.
  const dataset: Dataset = {
    ...opened,
    digest: (ofFile) =>
      textDigest(
        JSON.stringify([
          filesOf(path).map((file) => [relative(path, file), ofFile(file)]),
          template ?? null,
          mapped,
          split ?? null,
        ]),
      ),
  };
  const changes = [
    ...(layout?.row === undefined ? [] : [layout.row]),
    ...(controlTokens === "text" ? [asText] : []),
    ...(template === undefined ? [] : [(row: Row, before: Row): Row => filled(row, template, before)]),
  ];
  if (changes.length === 0) return dataset;
  return {
    ...dataset,
    row: async (index) => {
      const before = await dataset.row(index);
      return changes.reduce<Row>((row, change) => change(row, before), before);
    },
  };
}

/** The file, or all files of the folder, in order. */
function filesOf(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  const entries = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return entries.map(({ parentPath, name }) => join(parentPath, name)).sort();
}

const definedIn = ({ seconds, megabytes }: NonNullable<DataSource["limits"]>): NonNullable<DataOptions["limits"]> => ({
  ...(seconds === undefined ? {} : { seconds }),
  ...(megabytes === undefined ? {} : { megabytes }),
});

/** A row whose own texts are read as texts alone. */
const asText = (row: Row): Row => ({
  ...row,
  prompt: spellControlTokens(row.prompt),
  system: row.system === null ? null : spellControlTokens(row.system),
  ...(row.history === undefined
    ? {}
    : { history: row.history.map(({ role, content }) => ({ role, content: spellControlTokens(content) })) }),
});

/** For lines on a screen. */
export const nameOfData = (data: Data): string =>
  typeof data === "string" ? data : (isList(data) ? data : [data]).map(({ path }) => path).join(" + ");

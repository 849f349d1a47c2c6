/** Datasets of a CSV or TSV file, with a line of column names. */
import { createReadStream } from "node:fs";
import { basename } from "node:path";
import { parse, type Info, type Options } from "csv-parse";
import { parse as parseText } from "csv-parse/sync";
import type { Dataset } from "../dataset.ts";
import type { Values } from "../rows/columns.ts";
import { numberOf } from "../values/number-text.ts";
import { openTextFile, unreadable, type Opening, type TextFormat, type TextOptions } from "./records.ts";
import { quoted } from "../../messages/shown.ts";

/**
 * Open a .csv or .tsv file (comma or tab between cells; quotes as in RFC 4180). An empty cell is a missing value; a
 * column whose cells are all numbers holds numbers, with the digits as they are written, and every other column texts.
 * Lists of messages are cells of JSON, lists of pictures cells of JSON or as Python prints them.
 * @throws Error naming the file and line; see records.ts
 */
export const openCsv = (file: string, options: TextOptions = {}, passOver?: Opening["passOver"]): Promise<Dataset> =>
  openTextFile(file, csv(/\.tsv$/i.test(file) ? "\t" : ","), options, {
    who: "openCsv",
    ...(passOver === undefined ? {} : { passOver }),
  });

const numeric = /^(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|NaN|nan)$/;

function csv(delimiter: string): TextFormat {
  const settings: Options = {
    delimiter,
    bom: true,
    relax_quotes: true,
    relax_column_count: true,
    skip_empty_lines: true,
    info: true,
  };
  let header: readonly string[] | null = null;
  /** Indices of columns with a cell that is no number. */
  const texts = new Set<number>();
  const valueOf = (cell: string, column: number): unknown => {
    if (cell === "") return null;
    return texts.has(column) || !numeric.test(cell) ? cell : numberOf(cell === "nan" ? "NaN" : cell);
  };
  const recordOf = (cells: readonly string[]): Values => {
    if (cells.length !== header!.length)
      throw new Error(
        `it has ${cells.length} cells, and the first line names ${header!.length} columns; a cell with the separator or a line break in it stands in quotes`,
      );
    return Object.fromEntries(cells.map((cell, column) => [header![column]!, valueOf(cell, column)]));
  };
  return {
    record: (text) => recordOf((parseText(text, { ...settings, info: false }) as string[][])[0] ?? []),
    async *entries(file) {
      let start = 0;
      try {
        const stream = createReadStream(file);
        const records = stream.on("error", (error) => records.destroy(error)).pipe(parse(settings));
        for await (const { record: cells, info } of records as AsyncIterable<{
          readonly record: string[];
          readonly info: Info;
        }>) {
          const source = { start, length: info.bytes - start };
          const line = info.lines;
          start = info.bytes;
          if (header === null) header = checkHeader(cells, file);
          else {
            cells.forEach((cell, column) => {
              if (cell !== "" && !numeric.test(cell)) texts.add(column);
            });
            yield [{ entry: { place: `line ${line}`, id: `line-${line}`, source }, read: () => recordOf(cells) }];
          }
        }
      } catch (error) {
        throw unreadable(file, error as Error);
      }
    },
  };
}

function checkHeader(names: readonly string[], file: string): readonly string[] {
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined)
    throw new Error(`${basename(file)} names the column "${quoted(twice)}" twice in its first line`);
  return names;
}

import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseOptions, writeFileAtomic } from "@papo/core";
import type { Plugin, Run } from "@papo/core";
import { z } from "zod";
import { follow, loggerOptions, type LogSink } from "./log-sink.ts";

const schema = z.strictObject({ ...loggerOptions });

/**
 * Writes metrics.csv, a row for each step and a column for each metric, and responses.csv, rollouts with their rewards,
 * into the run's folder (RFC 4180). A metric that comes later gets its column then, and the rows before it have nothing
 * there. A resumed run goes on in the same files.
 */
export class CsvPlugin implements Plugin {
  readonly name = "CsvPlugin";
  readonly observes = true;
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply(run: Run): void {
    follow(run, { name: this.name, options: this.options, home: "", open: csvSink });
  }
}

const responseColumns = ["step", "question", "answer", "response", "reward", "parts", "finish"];

export function csvSink(folder: string): LogSink {
  mkdirSync(folder, { recursive: true });
  const [metricsFile, responsesFile] = [join(folder, "metrics.csv"), join(folder, "responses.csv")];
  let columns: string[] = ["step"];
  return {
    cut(step) {
      for (const file of [metricsFile, responsesFile].filter((path) => existsSync(path))) {
        const [header, ...rows] = records(readFileSync(file, "utf8"));
        if (file === metricsFile && header !== undefined) columns = cells(header);
        writeFileAtomic(file, [header ?? "", ...rows.filter((row) => Number.parseInt(row) < step)].join(""));
      }
    },
    metrics({ step, metrics }) {
      const added = Object.keys(metrics).filter((name) => !columns.includes(name));
      if (added.length > 0) {
        columns = [...columns, ...added];
        const rows = existsSync(metricsFile) ? records(readFileSync(metricsFile, "utf8")).slice(1) : [];
        writeFileAtomic(
          metricsFile,
          [line(columns), ...rows.map((row) => row.replace(/\r?\n$/, `${",".repeat(added.length)}\r\n`))].join(""),
        );
      }
      appendFileSync(metricsFile, line(columns.map((name) => (name === "step" ? step : (metrics[name] ?? "")))));
    },
    rollouts(step, rollouts) {
      if (!existsSync(responsesFile)) writeFileAtomic(responsesFile, line(responseColumns));
      for (const { question, answer, response, reward, parts, finish } of rollouts)
        appendFileSync(responsesFile, line([step, question, answer, response, reward, JSON.stringify(parts), finish]));
    },
  };
}

const line = (values: readonly (string | number)[]): string => `${values.map(cell).join(",")}\r\n`;
const cell = (value: string | number): string =>
  /[",\r\n]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : String(value);

/** Whole records with their ends; one that a kill cut short is left out. */
const records = (text: string): string[] => text.match(/(?:[^"\n]|"(?:[^"]|"")*")*\n/g) ?? [];

const cells = (record: string): string[] =>
  (record.trimEnd().match(/(?:^|,)(?:"(?:[^"]|"")*"|[^,]*)/g) ?? []).map((part) =>
    part
      .replace(/^,/, "")
      .replace(/^"([^]*)"$/, "$1")
      .replaceAll('""', '"'),
  );

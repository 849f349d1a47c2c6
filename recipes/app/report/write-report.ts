/** One report.html of several runs: no network, no other file, opens from disk. */
import { readFileSync } from "node:fs";
import { rename, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { makeFolder } from "@papo/core";
import { embedJson, embedScript, escapeHtml, scriptHash } from "./html.ts";
import { shelvePictures } from "./pictures.ts";
import { reportDataOf } from "./report-data.ts";
import type { RunRecord } from "./run-record.ts";
import { ledgerTables } from "./ledger.ts";
import { alarmList, errorBars, errorTable, resultTable, settingsTable } from "./tables.ts";
import { comparisonsOf, gainsOf, verdictOf } from "./verdict.ts";
import type { Comparison } from "./verdict.ts";

export interface ReportOptions {
  readonly title: string;
  /** Runs of equal recipe are drawn as seeds of one another. */
  readonly runs: readonly RunRecord[];
  /** A sentence or two under the title. */
  readonly subtitle?: string;
  /** Which recipe is measured against which; default: see `comparisonsOf`. */
  readonly comparisons?: readonly Comparison[];
  /** Longest side of a picture in the report, pixels. Default 224. */
  readonly largestPictureSide?: number;
}

const require = createRequire(import.meta.url);
const plotFile = (name: string): string => readFileSync(require.resolve(`uplot/dist/${name}`), "utf8");
const ownFile = (name: string): string => readFileSync(new URL(`./browser/${name}`, import.meta.url), "utf8");

/** Writes the report to `file`, whole or not at all; its folder is made if missing. Returns the number of bytes. */
export const writeReport = async (file: string, options: ReportOptions): Promise<number> => {
  makeFolder(dirname(file));
  const html = await reportPage(options);
  await writeFile(`${file}.partial`, html);
  await rename(`${file}.partial`, file);
  return Buffer.byteLength(html);
};

/** The page as text. Throws when there is no run to show. */
export const reportPage = async (options: ReportOptions): Promise<string> => {
  const { title, runs, subtitle = "", largestPictureSide = 224 } = options;
  if (runs.length === 0) throw new Error("A report needs at least one run; it was given none");
  const comparisons = options.comparisons ?? comparisonsOf(runs);
  const data = reportDataOf(runs, await shelvePictures(runs, largestPictureSide));
  const scripts = [plotFile("uPlot.iife.min.js"), ownFile("page.js"), ownFile("charts.js"), ownFile("questions.js"), ownFile("rollouts.js")].map(embedScript);
  const styles = [plotFile("uPlot.min.css"), ownFile("style.css")];
  // The policy is a second wall behind escaping: only our own scripts run, and nothing is fetched.
  const policy = `default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src ${scripts.map(scriptHash).join(" ")}`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${styles.join("\n")}</style></head>
<body>
<header><h1>${escapeHtml(title)}</h1>${subtitle === "" ? "" : `<p>${escapeHtml(subtitle)}</p>`}</header>
<main>
<section><h2>Result</h2>
${[...comparisons.map((comparison) => verdictOf(comparison, runs)), ...gainsOf(runs)].map((sentence) => `<p class="verdict">${escapeHtml(sentence)}</p>`).join("\n")}
${resultTable(runs)}</section>
${alarmList(runs)}
<section><h2>Curves</h2><div id="legend" class="legend"></div><div id="metrics"></div><div id="charts"></div></section>
<section><h2>What each term did</h2>${ledgerTables(runs)}</section>
<section><h2>Where answers go wrong</h2>${errorBars(runs)}
${errorTable(runs, comparisons)}</section>
<section><h2>Questions</h2><div id="question-filters"></div><div id="questions"></div></section>
<section><h2>Sample rollouts</h2><div id="filters"></div><div id="samples"></div></section>
<section><h2>Settings</h2>${settingsTable(runs)}</section>
</main>
<script type="application/json" id="data">${embedJson(data)}</script>
${scripts.map((script) => `<script>${script}</script>`).join("\n")}
</body></html>
`;
};

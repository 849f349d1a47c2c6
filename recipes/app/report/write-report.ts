/** One report.html of several runs, the page frozen: no network, no other file, opens from disk. */
import { dirname } from "node:path";
import { makeFolder, writeFileAtomic } from "@papo/core";
import type { FrozenPage, RolloutIndex, ShownRollout } from "../page/contract.ts";
import { curvesOf } from "../page/curve-data.ts";
import { embedJson, frozenPage } from "../page/document.ts";
import { keysOf, overviewOf, restingRun, settledOf } from "../page/overview.ts";
import { IndexLists, shownRollout } from "../page/shown-rollout.ts";
import { inSpreadOrder } from "../page/spread.ts";
import { PictureShelf } from "./pictures.ts";
import { questionPictures, questionTable } from "./questions.ts";
import type { RunRecord, SampleRow } from "./run-record.ts";
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

/** What a report may hold: it is sent by mail and opened on small machines. */
export const reportLimits = { rollouts: 2000, bytes: 30_000_000 } as const;
/** Points of a curve. */
const curvePoints = 400;
/**
 * Characters of pictures of questions, of rollouts' texts, and of pictures of both; the page's own text and curves take
 * what is left, and are measured.
 */
const [questionPictureBudget, rolloutBudget, pictureBudget] = [5_000_000, 8_000_000, 14_000_000];

/** Writes the report to `file`, whole or not at all; its folder is made if missing. Returns the number of bytes. */
export const writeReport = async (file: string, options: ReportOptions): Promise<number> => {
  makeFolder(dirname(file));
  const html = await reportPage(options);
  writeFileAtomic(file, html);
  return Buffer.byteLength(html);
};

/** The page as text. Throws when there is no run to show. */
export const reportPage = async (options: ReportOptions): Promise<string> => {
  if (options.runs.length === 0) throw new Error("A report needs at least one run; it was given none");
  let most: number = reportLimits.rollouts;
  for (;;) {
    const frozen = await frozenOf(options, most);
    const html = frozenPage(frozen);
    const bytes = Buffer.byteLength(html);
    if (bytes <= reportLimits.bytes || frozen.records.length === 0) return html;
    // Texts of more bytes than characters: fewer rollouts.
    most = Math.floor(frozen.records.length * Math.min(0.8, reportLimits.bytes / bytes));
  }
};

/** @param most rollouts at most */
async function frozenOf(
  { title, runs, subtitle = "", comparisons, largestPictureSide = 224 }: ReportOptions,
  most: number,
): Promise<FrozenPage> {
  const shelf = new PictureShelf(pictureBudget, largestPictureSide);
  for (const { run, pictures } of questionPictures(runs)) {
    for (const views of pictures)
      for (const picture of Object.values(views))
        if (shelf.characters < questionPictureBudget) await shelf.add(run.folder, picture);
  }
  const overview = overviewOf({
    title,
    subtitle,
    runs,
    now: runs.map(restingRun),
    settled: settledOf(runs, comparisons),
  });
  return {
    overview,
    curves: curvesOf(runs, keysOf(runs), {
      metrics: overview.metrics.map(({ key }) => key),
      from: null,
      to: null,
      points: curvePoints,
    }),
    ...(await rolloutsOf(runs, shelf, most)),
    questions: questionTable(runs, ({ folder }, picture) => shelf.index(folder, picture)),
    pictures: shelf.urls,
  };
}

/**
 * As many rollouts as there is room for, their pictures included, spread evenly over steps and runs: which ones depends
 * on the runs alone. Stands in the order of runs and steps.
 */
async function rolloutsOf(
  runs: readonly RunRecord[],
  shelf: PictureShelf,
  most: number,
): Promise<{ readonly rollouts: RolloutIndex; readonly records: ShownRollout[] }> {
  const all = runs.flatMap(({ rollouts }, run) =>
    rollouts.heads.map((head, place) => ({ run, place, head, step: head.step })),
  );
  const taken: { readonly at: number; readonly row: SampleRow }[] = [];
  let characters = 0;
  for (const at of inSpreadOrder(all)) {
    if (taken.length >= most) break;
    const { run, place } = all[at]!;
    const row = runs[run]!.rollouts.read(place);
    if (row === null) continue;
    characters += embedJson(shownRollout(0, run, row, () => 0)).length;
    if (characters > rolloutBudget || !(await addPictures(runs[run]!, row, shelf))) break;
    taken.push({ at, row });
  }
  taken.sort((a, b) => a.at - b.at);
  const heads = taken.map(({ at }) => all[at]!);
  return {
    rollouts: new IndexLists().of(heads, { version: 0, from: 0, total: all.length, reading: false }),
    records: taken.map(({ at, row }, id) =>
      shownRollout(id, all[at]!.run, row, (run, picture) => shelf.index(runs[run]!.folder, picture)),
    ),
  };
}

/** @returns whether there is room for more */
async function addPictures({ folder }: RunRecord, { pictures }: SampleRow, shelf: PictureShelf): Promise<boolean> {
  for (const { views } of pictures) for (const picture of Object.values(views)) await shelf.add(folder, picture);
  return !shelf.full;
}

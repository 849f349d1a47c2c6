/** `papo train run.ts`: the user's model, data, rewards and plugins. */
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { createHost, evaluate, learnerSettings, openPolicy, openRunFolder, type Policy, parseSettings, type Plugin, type Row, type Sample } from "@papo/core";
import type { Command } from "./command.ts";
import { createDisplay, type Display } from "../display/live.ts";
import { noteEvaluation } from "../evaluation-file.ts";
import { readRunFolder } from "../report/read-run.ts";
import type { Evaluation, Share } from "../report/run-record.ts";
import { writeReport } from "../report/write-report.ts";
import { datasetRows } from "../rows.ts";
import { openSources } from "../data-source.ts";
import { loadRunFile, type RunFile } from "../run-file.ts";
import { trainWithDisplay } from "../session.ts";
import { wilson } from "../tasks/shapes/statistics.ts";

export const trainCommand: Command = {
  usage: "papo train run.ts [--resume]",
  summary: [
    "Train the model of a run file; writes metrics, samples, checkpoints and report.html into its output folder.",
    "Ctrl-C ends after the current step with a checkpoint; --resume goes on from the newest one.",
  ].join("\n"),
  async run(args) {
    const { values, positionals } = parseArgs({ args: [...args], options: { resume: { type: "boolean", default: false } }, allowPositionals: true });
    const [file] = positionals;
    if (file === undefined || positionals.length > 1) throw new Error("give one run file: papo train run.ts");
    await trainRunFile(await loadRunFile(file), values.resume);
  },
};

async function trainRunFile(run: RunFile, resume: boolean): Promise<void> {
  // Mistakes are told before the model is read, and an evaluation of an earlier run in the folder stays as it is.
  const settings = parseSettings(run.settings);
  createHost(run.plugins, { seed: settings.seed });
  openRunFolder(run.output, resume);
  const dataset = await openSources(run.data, settings.onBadRow);
  const unseen = run.evaluation === undefined ? null : await datasetRows(await openSources(run.evaluation));
  const policy = await openPolicy({ folder: run.model, ...learnerSettings(settings) });
  const display = createDisplay();
  try {
    const measure = async (when: "before" | "after"): Promise<void> => {
      if (unseen) await noteEvaluation(run.output, { [when]: await evaluateRows(policy, unseen, run, settings.sampling.maxNewTokens, display) });
    };
    if (!resume) await measure("before");
    const summary = await trainWithDisplay({ name: basename(run.output), policy, ...run, dataset, settings: run.settings ?? {}, display, resume });
    await measure("after");
    const report = join(run.output, "report.html");
    await writeReport(report, { title: basename(run.output), runs: [readRunFolder(run.output)] });
    display.line(`${summary.ended} after ${summary.steps} steps${summary.reason === null ? "" : `: ${summary.reason}`}`);
    display.line(`model:  ${join(summary.checkpoint, "policy", "model")}`);
    display.line(`report: ${report}`);
  } finally {
    display.close();
    await policy.close();
  }
}

/** Greedy answers to unseen rows, judged by the run's own rewards. */
async function evaluateRows(policy: Policy, rows: readonly Row[], { plugins }: { readonly plugins: readonly Plugin[] }, maxNewTokens: number, display: Display): Promise<Evaluation> {
  const phase = display.phase(`evaluating ${rows.length} rows`, rows.length);
  const scorers = [...createHost(plugins, { seed: 1 }).scorers.values()];
  const samples = await evaluate({ policy, rows, scorers, sampling: { temperature: 0, maxNewTokens }, onProgress: phase.advance });
  phase.end();
  const outcomes = samples.map((sample) => ({ id: sample.prompt.row.id, correct: isRight(sample), visionDependent: sample.prompt.pictures.length > 0 }));
  const right = outcomes.filter(({ correct }) => correct).length;
  display.line(`  ${right} of ${outcomes.length} right (greedy)`);
  return { greedy: { overall: shareOf(right, outcomes.length), visionDependent: null }, sampled: null, errors: {}, klPrcp: null, outcomes };
}

/** A part named accuracy decides; without one, a reward above one half counts as right. */
const isRight = ({ parts, reward }: Sample): boolean => (parts["accuracy"] ?? reward) > 0.5;

function shareOf(count: number, total: number): Share {
  const { value, low, high } = wilson(count, total);
  return { accuracy: value, low, high, n: total };
}

/** `papo train run.ts`: the user's model, data, rewards and plugins. */
import { rmSync } from "node:fs";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { beginFolder, checkpointFolders, createHost, learnerSettings, openPolicy, openRunFolder, parseSettings, policyFolder, type BegunFolder, type RunSettings } from "@papo/core";
import type { Command } from "./command.ts";
import { percentInterval } from "../display/format.ts";
import { createDisplay } from "../display/live.ts";
import type { PictureCondition } from "../evaluation/pictures.ts";
import { planOf, RunMeasurements } from "../evaluation/plan.ts";
import type { Question } from "../evaluation/question.ts";
import { scoresOf } from "../evaluation/scores.ts";
import { readRunFolder } from "../report/read-run.ts";
import { writeReport } from "../report/write-report.ts";
import { openSources } from "../../run-file/data-source.ts";
import { modelFolder, savedWeights } from "../../run-file/model-folder.ts";
import { loadRunFile, type LoadedRunFile, type RunFile } from "../../run-file/run-file.ts";
import { trainWithDisplay } from "../session.ts";

const options = { resume: { type: "boolean", default: false } } as const;

export const trainCommand: Command = {
  usage: "papo train run.ts [--resume]",
  summary: [
    "Train the model of a run file; writes metrics, samples, checkpoints and report.html into its output folder.",
    "Ctrl-C ends after the current step with a checkpoint; --resume goes on from the newest one, and past the end of a finished run whose settings have more steps now.",
  ].join("\n"),
  options,
  async run(args) {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    const [file] = positionals;
    if (file === undefined || positionals.length > 1) throw new Error("give one run file: papo train run.ts");
    await trainRunFile(await loadRunFile(file), values.resume);
  },
};

async function trainRunFile(run: LoadedRunFile, resume: boolean): Promise<void> {
  // Mistakes are told before the model is read, and an evaluation of an earlier run in the folder stays as it is.
  const settings = parseSettings(run.settings);
  createHost(run.plugins, { seed: settings.seed });
  const model = modelFolder(run.model, run.modelAsWritten);
  const begun = beginFolder(run.output);
  try {
    const folder = openRunFolder(run.output, resume);
    // What a start that did no step has logged is not of this run.
    if (!resume) for (const file of ["samples.jsonl", "alarms.jsonl"]) rmSync(join(run.output, file), { force: true });
    try {
      await trainInFolder({ ...run, model }, settings, resume, begun);
    } catch (error) {
      if (!resume && !folder.begun) begun.takeBack();
      throw error;
    }
  } finally {
    begun.end();
  }
}

async function trainInFolder(run: RunFile, settings: RunSettings, resume: boolean, begun: BegunFolder): Promise<void> {
  const { plugins, output, model } = run;
  const dataset = await openSources(run.data, settings.onBadRow);
  const plan = run.evaluation === undefined ? null : planOf(run.evaluation);
  const unseen = plan === null ? null : await openSources(plan.data);
  const policy = await openPolicy({ folder: model, ...learnerSettings(settings) });
  const display = createDisplay();
  const measurements = plan === null || unseen === null ? null : new RunMeasurements({ policy, model, plan, dataset: unseen, plugins, maxNewTokens: settings.sampling.maxNewTokens, output, display });
  for (const note of [...(dataset.notes ?? []), ...(unseen?.notes ?? [])]) display.line(`  ${note}`);
  try {
    // A run that is resumed without a checkpoint begins with these weights again.
    if (measurements !== null && (!resume || checkpointFolders(join(output, "checkpoints")).length === 0)) display.line(`  ${averageLine(await measurements.before(resume))}`);
    const summary = await trainWithDisplay({ name: basename(output), policy, ...run, dataset, settings: run.settings ?? {}, begun, display, resume, evaluation: measurements?.inLoop() ?? null });
    if (measurements !== null) display.line(`  ${averageLine(await measurements.after(summary.steps))}`);
    const report = join(output, "report.html");
    await writeReport(report, { title: basename(output), runs: [readRunFolder(output)] });
    display.line(`${summary.ended} after ${summary.steps} steps${summary.reason === null ? "" : `: ${summary.reason}`}`);
    display.line(savedWeights(policyFolder(summary.checkpoint)));
    display.line(`report: ${report}`);
  } finally {
    display.close();
    await policy.close();
  }
}

function averageLine(measured: ReadonlyMap<PictureCondition, readonly Question[]>): string {
  const questions = measured.get("real")!;
  return `${percentInterval(scoresOf(questions, []).average)} of the answers to ${questions.length} questions are right`;
}

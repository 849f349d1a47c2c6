/** `papo train run.ts`: the user's model, data, rewards and plugins. */
import { existsSync, rmSync } from "node:fs";
import { basename, join, relative, resolve } from "node:path";
import {
  beginFolder,
  beginReading,
  checkpointFolders,
  createHost,
  digestsFile,
  keptDigests,
  launchPolicy,
  learnerSettings,
  openPolicy,
  openRunFolder,
  parseSettings,
  policyFolder,
  type BegunFolder,
  type Dataset,
  type OpenPolicy,
  type RunSettings,
} from "@papo/core";
import { portOption } from "../command-line/page-options.ts";
import { command } from "../command-line/command.ts";
import { changedRunFile, runFileMistakes, runFileOptions } from "../command-line/run-file-options.ts";
import { percentInterval } from "../display/format.ts";
import type { Display } from "../display/display.ts";
import type { PictureCondition } from "../evaluation/pictures.ts";
import { planOf, RunMeasurements } from "../evaluation/plan.ts";
import type { Question } from "../evaluation/question.ts";
import { scoresOf } from "../evaluation/scores.ts";
import { readRunFolder } from "../report/read-run.ts";
import { writeReport } from "../report/write-report.ts";
import { openSources } from "../../run-file/data-source.ts";
import { modelFolder, savedWeights, startWeights } from "../../run-file/model-folder.ts";
import type { LoadedRunFile, RunFile } from "../../run-file/run-file.ts";
import { recoverAside, setAside } from "../overwrite.ts";
import { openTrainingPage, type TrainingPage } from "../page/training-page.ts";
import { RunControl } from "../run-control.ts";
import { sayStopping, trainWithDisplay } from "../session.ts";
import { beforeEnd, commandWith, hold, isStopped, StoppedError, unlessStopped, usualLimit } from "../stopping.ts";

export const trainCommand = command({
  name: "train",
  also: ["grpo", "dapo", "rl", "fit", "main_ppo", "start"],
  forms: ["<run.ts>"],
  summary: [
    "Train the model of a run file; writes metrics, samples, checkpoints and report.html into its output folder.",
    `Ctrl-C ends after the current step with a checkpoint, SIGTERM and SIGHUP do so within ${usualLimit} seconds; they exit with 130, 143 and 129.`,
  ],
  options: {
    resume: {
      kind: "flag",
      text: "Go on from the newest checkpoint, with the settings that the run was begun with; and past the end of a finished run whose settings have more steps now.",
    },
    "stop-within": {
      kind: "count",
      text: "Seconds from being asked to stop to the end. After half of them a step that has updated nothing yet is given up, and what was before it is saved.",
    },
    ...runFileOptions,
    page: {
      kind: "flag",
      text: "Serve a page of the run on this machine alone, where it can be paused and stopped; `papo watch` follows any run.",
    },
    ...portOption,
  },
  positionals: [1, 1],
  besides: ({ values, positionals }) => runFileMistakes(positionals, values),
  async run({ values, positionals: [file], display }) {
    beginReading();
    const { run, overrides } = await changedRunFile(file!, values, values.resume);
    const page = values.page || values.port !== undefined ? { port: values.port ?? null } : null;
    const starting = {
      overrides,
      runFile: relative(run.output, resolve(file!)),
      resume: values.resume,
      overwrite: values.overwrite,
      limitSeconds: values["stop-within"],
      display,
      page,
    };
    return unlessStopped(
      () => trainRunFile(run, starting),
      () => display.line(`go on with: ${commandWith(["--resume"], ["--overwrite"])}`),
    );
  },
});

interface Starting {
  readonly overrides: readonly string[];
  /** From the run's folder. */
  readonly runFile: string;
  readonly resume: boolean;
  readonly overwrite: boolean;
  readonly limitSeconds: number | undefined;
  readonly display: Display;
  /** Null: none is served. */
  readonly page: { readonly port: number | null } | null;
}

async function trainRunFile(run: LoadedRunFile, starting: Starting): Promise<void> {
  const { resume, overwrite } = starting;
  // Mistakes are told before the model is read, and an evaluation of an earlier run in the folder stays as it is.
  const settings = parseSettings(run.settings);
  createHost(run.plugins, { seed: settings.seed });
  const model = modelFolder(run.model, run.modelAsWritten);
  const begun = beginFolder(run.output);
  try {
    recoverAside(run.output);
    let earlier = overwrite ? setAside(run.output) : null;
    const folder = openRunFolder(run.output, resume);
    // What a start that did no step has logged is not of this run.
    if (!resume) for (const file of ["samples.jsonl", "alarms.jsonl"]) rmSync(join(run.output, file), { force: true });
    const onFirstStep = (): void => {
      earlier?.discard();
      earlier = null;
    };
    // Answers of an evaluation that was stopped are gone on with; what was set aside comes back when the folder is used
    // again.
    const forget = beforeEnd(() =>
      resume || overwrite || folder.begun || existsSync(join(run.output, "evaluation")) ? undefined : begun.takeBack(),
    );
    try {
      await trainInFolder({ ...run, model }, settings, { ...starting, begun, onFirstStep });
    } catch (error) {
      earlier?.restore();
      if (earlier !== null || (!resume && !folder.begun && !isStopped(error))) begun.takeBack();
      throw error;
    } finally {
      forget();
    }
  } finally {
    begun.end();
  }
}

interface InFolder extends Starting {
  readonly begun: BegunFolder;
  onFirstStep(): void;
}

async function trainInFolder(
  run: RunFile,
  settings: RunSettings,
  { overrides, runFile, resume, limitSeconds, display, begun, onFirstStep, page: wanted }: InFolder,
): Promise<void> {
  const { plugins, output, model } = run;
  const plan = run.evaluation === undefined ? null : planOf(run.evaluation);
  const { dataset, unseen, policy } = await openParts(run, settings, plan);
  const weights = startWeights(model, settings.lora, keptDigests(join(output, digestsFile)));
  const stop = hold({ say: sayStopping(display), limitSeconds });
  const control = new RunControl();
  stop.signal.addEventListener("abort", () => control.ask("stop"));
  const { signal } = control;
  const measurements =
    plan === null || unseen === null
      ? null
      : new RunMeasurements({
          signal,
          policy,
          model,
          weights,
          plan,
          dataset: unseen,
          plugins,
          maxNewTokens: settings.sampling.maxNewTokens,
          output,
          display,
        });
  for (const note of [...(dataset.notes ?? []), ...(unseen?.notes ?? [])]) display.line(`  ${note}`);
  let page: TrainingPage | null = null;
  try {
    if (wanted !== null) page = await openTrainingPage({ folder: output, control, ...wanted });
    page?.offer(output);
    if (page !== null) display.line(`page: ${page.address}`);
    // A run that is resumed without a checkpoint begins with these weights again.
    if (measurements !== null && (!resume || checkpointFolders(join(output, "checkpoints")).length === 0))
      display.line(`  ${averageLine(await measurements.before(resume))}`);
    const session = {
      name: basename(output),
      policy,
      weights,
      ...run,
      dataset,
      settings: run.settings ?? {},
      overrides,
      runFile,
      begun,
      display,
      resume,
      stop,
      evaluation: measurements?.inLoop() ?? null,
      onFirstStep,
      control,
    };
    const summary = await trainWithDisplay(session);
    if (summary.ended === "interrupted") {
      display.result(
        `stopped after ${summary.steps} of ${settings.steps} steps; all of it is safe in ${summary.checkpoint}`,
        { ended: summary.ended, steps: summary.steps, checkpoint: summary.checkpoint },
      );
      throw new StoppedError();
    }
    if (measurements !== null) display.line(`  ${averageLine(await measurements.after(summary.steps))}`);
    const report = join(output, "report.html");
    await writeReport(report, { title: basename(output), runs: [readRunFolder(output)] });
    const { ended, steps, reason, checkpoint } = summary;
    display.result(`${ended} after ${steps} steps${reason === null ? "" : `: ${reason}`}`, {
      ended,
      steps,
      reason,
      checkpoint,
      report,
      metrics: summary.metrics,
    });
    display.result(savedWeights(policyFolder(checkpoint)));
    display.result(`report: ${report}`);
    signal.throwIfAborted();
  } finally {
    await page?.close();
    await policy.close();
    stop.release();
  }
}

interface Parts {
  readonly dataset: Dataset;
  /** What evaluations ask; null without one. */
  readonly unseen: Dataset | null;
  readonly policy: OpenPolicy;
}

/**
 * The policy's threads load what they run while data are opened; mistakes in the data are told before the model is
 * read.
 */
async function openParts(
  { data, model: folder }: RunFile,
  settings: RunSettings,
  plan: ReturnType<typeof planOf> | null,
): Promise<Parts> {
  const learner = learnerSettings(settings);
  const launched = launchPolicy(learner);
  try {
    const dataset = await openSources(data, settings.onBadRow);
    const unseen = plan === null ? null : await openSources(plan.data);
    return { dataset, unseen, policy: await openPolicy({ folder, ...learner, launched }) };
  } catch (error) {
    await launched.terminate();
    throw error;
  }
}

function averageLine(measured: ReadonlyMap<PictureCondition, readonly Question[]>): string {
  const questions = measured.get("real")!;
  return `${percentInterval(scoresOf(questions, []).average)} of the answers to ${questions.length} questions are right`;
}

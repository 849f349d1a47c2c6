/** `papo sft run.ts`: supervised training on the answers of a JSONL file. */
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import {
  beginFolder,
  isDiverged,
  learnerSettings,
  openPolicy,
  parseSettings,
  type RunSettings,
  supervisedBatches,
  trainSupervised,
  writeFolderAtomic,
} from "@papo/core";
import { command } from "../command-line/command.ts";
import { hold, unlessStopped } from "../stopping.ts";
import { changedRunFile, runFileMistakes, runFileOptions } from "../command-line/run-file-options.ts";
import type { Display } from "../display/display.ts";
import { recoverAside, setAside, type SetAside } from "../overwrite.ts";
import { nameOfData, openSources } from "../../run-file/data-source.ts";
import { modelFolder, savedWeights } from "../../run-file/model-folder.ts";
import type { LoadedRunFile } from "../../run-file/run-file.ts";

export const sft = command({
  name: "sft",
  also: ["finetune", "fine-tune"],
  forms: ["<run.ts>"],
  summary: [
    "Supervised training of a run file's model: each row's column `response`, or `answer` without one, is what to say.",
    "Reads model, data, settings and output; settings used: seed, steps, promptsPerStep, learningRate, warmupSteps, decay, finalFraction, optimizer, lora, microbatchTokens, onBadRow.",
    "The trained model is written to <output>/supervised/model, a Hugging Face folder; an adapter to <output>/supervised/adapter, as PEFT has it.",
  ],
  options: runFileOptions,
  positionals: [1, 1],
  besides: ({ values, positionals }) => runFileMistakes(positionals, values),
  async run({ values, positionals: [file], display }) {
    const { run } = await changedRunFile(file!, values, false);
    return unlessStopped(
      () => trainOnAnswers(run, values.overwrite, display),
      () => display.line("to go on from these weights, give their folder as the model of a run file"),
    );
  },
});

async function trainOnAnswers(run: LoadedRunFile, overwrite: boolean, display: Display): Promise<void> {
  const settings = parseSettings(run.settings);
  const checkpoint = join(run.output, "supervised");
  if (existsSync(checkpoint) && !overwrite)
    throw new Error(
      `${checkpoint} holds a trained model already: choose another output folder, or remove it (--overwrite)`,
    );
  const model = modelFolder(run.model, run.modelAsWritten);
  // Where it cannot be written to is told before the training, and nothing is left of a start that fails.
  const begun = beginFolder(run.output);
  let earlier: SetAside | null = null;
  try {
    recoverAside(run.output);
    if (overwrite) earlier = setAside(run.output);
    await trainInFolder({ run, model, settings, checkpoint, display });
    earlier?.discard();
  } catch (error) {
    if (existsSync(checkpoint)) earlier?.discard();
    else {
      earlier?.restore();
      begun.takeBack();
    }
    throw error;
  } finally {
    begun.end();
  }
}

interface Supervising {
  readonly run: LoadedRunFile;
  readonly model: string;
  readonly settings: RunSettings;
  readonly checkpoint: string;
  readonly display: Display;
}

async function trainInFolder({ run, model, settings, checkpoint, display }: Supervising): Promise<void> {
  const dataset = await openSources(run.data, settings.onBadRow);
  const policy = await openPolicy({ folder: model, ...learnerSettings(settings) });
  for (const note of dataset.notes ?? []) display.line(`  ${note}`);
  try {
    let done = 0;
    const stop = hold({ say: () => display.line("stopping after this step; Ctrl-C again stops at once") });
    const phase = display.phase(
      `supervised training on ${basename(nameOfData(run.data))}, ${dataset.size} rows`,
      settings.steps,
    );
    await trainSupervised({
      learner: policy.learner,
      batches: supervisedBatches({
        dataset,
        processor: policy.processor,
        settings,
        responseOf: ({ fields, answer }) => (typeof fields["response"] === "string" ? fields["response"] : answer),
        ...(settings.onBadRow === "skip" ? { onSkip: (_, reason) => display.line(`  skipped: ${reason}`) } : {}),
      }),
      settings,
      onStep: ({ step, loss, confident, gradientNorm }) => {
        done = step;
        if (step < settings.steps) stop.signal.throwIfAborted();
        phase.advance(step);
        if (step === 1 || step === settings.steps || step % 10 === 0) {
          display.line(
            `  step ${step}: loss ${loss.toFixed(4)}, ${(100 * confident).toFixed(1)} % of tokens above one half, gradient norm ${gradientNorm.toFixed(2)}`,
          );
        }
      },
    })
      .finally(() => stop.release())
      .catch(async (error: unknown) => {
        if (done === 0 || isDiverged(error)) throw error;
        // Rows are read as they are needed: a bad one late in the data must not cost what was learned before.
        await writeFolderAtomic(checkpoint, (temporary) => policy.learner.save(temporary));
        if (stop.signal.aborted)
          display.result(`stopped; as it was after step ${done} of ${settings.steps}: ${savedWeights(checkpoint)}`, {
            checkpoint,
            steps: done,
          });
        throw new Error(`${(error as Error).message}\nAs it was after step ${done}: ${savedWeights(checkpoint)}`, {
          cause: error,
        });
      });
    phase.end();
    await writeFolderAtomic(checkpoint, (temporary) => policy.learner.save(temporary));
    display.result(savedWeights(checkpoint), { checkpoint, steps: settings.steps });
  } finally {
    await policy.close();
  }
}

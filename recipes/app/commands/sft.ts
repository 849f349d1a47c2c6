/** `papo sft run.ts`: supervised training on the answers of a JSONL file. */
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { beginFolder, isDiverged, learnerSettings, openPolicy, parseSettings, supervisedBatches, trainSupervised, type RunSettings } from "@papo/core";
import type { Command } from "./command.ts";
import { createDisplay } from "../display/live.ts";
import { nameOfData, openSources } from "../../run-file/data-source.ts";
import { modelFolder, savedWeights } from "../../run-file/model-folder.ts";
import { loadRunFile, type LoadedRunFile } from "../../run-file/run-file.ts";

export const sft: Command = {
  usage: "papo sft run.ts",
  summary: [
    "Supervised training of a run file's model: each row's column `response`, or `answer` without one, is what to say.",
    "Reads model, data, settings and output; settings used: seed, steps, promptsPerStep, learningRate, warmupSteps, decay, finalFraction,",
    "optimizer, lora, microbatchTokens, onBadRow. The trained model is written to <output>/supervised/model, a Hugging Face folder; an adapter to <output>/supervised/adapter, as PEFT has it.",
  ].join("\n"),
  options: {},
  async run(args) {
    const { positionals } = parseArgs({ args: [...args], allowPositionals: true });
    const [file] = positionals;
    if (file === undefined || positionals.length > 1) throw new Error("give one run file: papo sft run.ts");
    await trainOnAnswers(await loadRunFile(file));
  },
};

async function trainOnAnswers(run: LoadedRunFile): Promise<void> {
  const settings = parseSettings(run.settings);
  const checkpoint = join(run.output, "supervised");
  if (existsSync(checkpoint)) throw new Error(`${checkpoint} holds a trained model already: choose another output folder, or remove it`);
  const model = modelFolder(run.model, run.modelAsWritten);
  // Where it cannot be written to is told before the training, and nothing is left of a start that fails.
  const begun = beginFolder(run.output);
  try {
    await trainInFolder(run, model, settings, checkpoint);
  } catch (error) {
    if (!existsSync(checkpoint)) begun.takeBack();
    throw error;
  } finally {
    begun.end();
  }
}

async function trainInFolder(run: LoadedRunFile, model: string, settings: RunSettings, checkpoint: string): Promise<void> {
  const dataset = await openSources(run.data, settings.onBadRow);
  const policy = await openPolicy({ folder: model, ...learnerSettings(settings) });
  const display = createDisplay();
  for (const note of dataset.notes ?? []) display.line(`  ${note}`);
  try {
    let done = 0;
    const phase = display.phase(`supervised training on ${basename(nameOfData(run.data))}, ${dataset.size} rows`, settings.steps);
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
        phase.advance(step);
        if (step === 1 || step % 10 === 0) {
          display.line(`  step ${step}: loss ${loss.toFixed(4)}, ${(100 * confident).toFixed(1)} % of tokens above one half, gradient norm ${gradientNorm.toFixed(2)}`);
        }
      },
    }).catch(async (error: unknown) => {
      if (done === 0 || isDiverged(error)) throw error;
      // Rows are read as they are needed: a bad one late in the data must not cost what was learned before.
      await policy.learner.save(checkpoint);
      throw new Error(`${(error as Error).message}\nAs it was after step ${done}: ${savedWeights(checkpoint)}`, { cause: error });
    });
    phase.end();
    await policy.learner.save(checkpoint);
    display.line(savedWeights(checkpoint));
  } finally {
    display.close();
    await policy.close();
  }
}

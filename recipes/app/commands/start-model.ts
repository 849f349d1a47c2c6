/** `papo start-model`: rebuild the starting model of the embedded task. */
import { join, resolve } from "node:path";
import { learnerSettings, lockFolder, makeFolder, openJsonl, openPolicy, parseSettings } from "@papo/core";
import { command } from "../command-line/command.ts";
import type { Display } from "../display/display.ts";
import { writeDataset } from "../tasks/shapes/dataset.ts";
import { evaluateShapes, evaluateSwapped } from "../tasks/shapes/evaluation.ts";
import { writeUntrainedModel } from "../tasks/shapes/model.ts";
import { batchSize, pictureGrids, publishStartModel, stages, trainStage } from "../tasks/shapes/start-model.ts";
import { startSteps } from "../tasks/shortcut/start-model.ts";
import { madeStart, shippedPrior, shippedStart, taskOf, taskOptions, type Task } from "../tasks/task.ts";
import { evaluationOf } from "../report/read-evaluation.ts";
import { needsPicture } from "../evaluation/question.ts";
import { scoresOf } from "../evaluation/scores.ts";
import { percent } from "../display/format.ts";

export const startModel = command({
  name: "start-model",
  forms: [""],
  summary: [
    "Train the starting model of an embedded task with answers, and measure it on unseen scenes: that of shapes from nothing, those of the shortcut tasks from that of shapes.",
    "It is written to <output>, in a folder per stage; a shortcut task's to <output>/<prior>/model.",
  ],
  options: {
    output: { kind: "text", value: "<folder>", default: "runs/start-model", text: "Where it goes." },
    ...taskOptions("shapes"),
    publish: { kind: "flag", text: "Put it where `npm start` finds it, too." },
    seed: { kind: "count", default: 1, text: "Of weights, scenes and order." },
    scenes: { kind: "count", default: 1000, text: "Unseen scenes to measure on." },
  },
  positionals: [0, 0],
  async run({ values: { output: folder, publish, seed, scenes, ...chosen }, display }) {
    const output = resolve(folder);
    const task = taskOf(chosen);
    makeFolder(output);
    const lock = lockFolder(output);
    try {
      await (task.strength === null ? build : buildShortcut)({ task, output, publish, seed, scenes, display });
    } finally {
      lock.release();
    }
  },
});

/** @throws Error before anything is trained where that of another prior is shipped */
async function buildShortcut({ task, output, publish, seed, scenes, display }: BuildOptions): Promise<void> {
  if (publish && task.prior !== shippedPrior)
    throw new Error(
      `--publish is of shortcut:${shippedPrior}: the starting models of the other priors are made where they are needed`,
    );
  const dataset = await openJsonl(await task.writeRows(join(output, "unseen"), { split: "test", seed, count: scenes }));
  const phase = display.phase("supervised training", startSteps);
  const folder = await madeStart(task.prior!, output, (done) => phase.advance(done));
  phase.end();
  const policy = await openPolicy({ folder, ...learnerSettings(parseSettings()) });
  const {
    accuracy: { overall, priorWrong },
    sampled,
  } = await evaluateShapes({ policy, dataset }).then(({ greedy, sampled: atOne }) =>
    evaluationOf(greedy, {}, atOne ?? []),
  );
  await policy.close();
  display.line(
    `  greedy ${percent(overall.accuracy)}, where the prior is wrong ${percent(priorWrong?.accuracy ?? 0)}; sampled at T = 1 ${percent(sampled?.overall.accuracy ?? 0)}, where it is wrong ${percent(sampled?.priorWrong?.accuracy ?? 0)}`,
  );
  display.line(`model: ${publish ? await publishStartModel(folder, shippedStart) : folder}`);
}

interface BuildOptions {
  readonly task: Task;
  readonly output: string;
  readonly publish: boolean;
  readonly seed: number;
  readonly scenes: number;
  readonly display: Display;
}

async function build({ output, publish, seed, scenes, display }: BuildOptions): Promise<void> {
  let folder = join(output, "untrained");
  await writeUntrainedModel(folder, { seed });
  const data = await writeDataset(join(output, "unseen"), { split: "test", seed, count: scenes, grids: pictureGrids });
  const dataset = await openJsonl(data);
  const settings = learnerSettings(parseSettings({ optimizer: { matrices: "muon", beta2: 0.98 } }));
  let start = 0;
  for (const stage of stages) {
    const policy = await openPolicy({ folder, ...settings });
    const phase = display.phase(`supervised training, ${stage.name}`, stage.steps);
    await trainStage({
      policy,
      stage,
      start,
      seed,
      onStep: ({ step, loss, confident }) => {
        phase.advance(step);
        if (step % 50 === 0 || step === stage.steps)
          display.line(`  step ${step}: loss ${loss.toFixed(4)}, ${percent(confident)} of tokens above one half`);
      },
    });
    phase.end();
    start += stage.steps * batchSize;
    folder = join(output, stage.name.replaceAll(" ", "-"));
    await policy.learner.save(folder);
    folder = join(folder, "model");
    const { greedy, sampled } = await evaluateShapes({ policy, dataset });
    const swapped = scoresOf((await evaluateSwapped(policy, dataset)).filter(needsPicture), []);
    const {
      accuracy: { overall, visionDependent },
      sampled: atOne,
      klPrcp,
    } = evaluationOf(greedy, {}, sampled ?? []);
    const direct =
      greedy.filter(({ answers: [answer] }) => answer?.consistent === null && answer.outcome !== "no answer").length /
      greedy.length;
    display.line(
      `  greedy ${percent(overall.accuracy)}, with the picture needed ${percent(visionDependent?.accuracy ?? 0)}, the same with swapped pictures ${percent(swapped.average.value)}`,
    );
    display.line(
      `  without reasoning ${percent(direct)}; sampled at T = 1 ${percent(atOne?.overall.accuracy ?? 0)}; KL_prcp ${(klPrcp ?? 0).toFixed(3)}`,
    );
    display.line(
      `  by kind: ${Object.entries(scoresOf(greedy, []).categories["kind"] ?? {})
        .map(([kind, { value }]) => `${kind} ${percent(value)}`)
        .join(", ")}`,
    );
    await policy.close();
  }
  display.line(`model: ${publish ? await publishStartModel(folder) : folder}`);
}

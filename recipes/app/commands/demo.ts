/** `npm start`: the main job. Train the embedded task's starting model with several recipes and say what each did. */
import { existsSync, rmSync } from "node:fs";
import { cp, readdir } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import {
  checkpointFolders,
  type Dataset,
  fileDigest,
  learnerSettings,
  lockFolder,
  makeFolder,
  openJsonl,
  type OpenPolicy,
  openPolicy,
  parseSettings,
  writeFileAtomic,
} from "@papo/core";
import { command } from "../command-line/command.ts";
import { percent } from "../display/format.ts";
import type { Display } from "../display/display.ts";
import { portOption } from "../command-line/page-options.ts";
import { openTrainingPage, type TrainingPage } from "../page/training-page.ts";
import { RunControl } from "../run-control.ts";
import { probe } from "../compare/run-variant.ts";
import { parseVariant, promptsOf, type Variant } from "../compare/variant.ts";
import { madePreset } from "../../presets/written-preset.ts";
import { tinyPresetNames } from "../../presets/index.ts";
import { startWeights } from "../../run-file/model-folder.ts";
import { readRunFolder } from "../report/read-run.ts";
import type { RunRecord } from "../report/run-record.ts";
import { defaultComparisons, verdictOf } from "../report/verdict.ts";
import { writeReport } from "../report/write-report.ts";
import { sayStopping, trainWithDisplay } from "../session.ts";
import { commandWith, hold, StoppedError, unlessStopped, type Hold } from "../stopping.ts";
import { answeringOf, evaluateShapes } from "../tasks/shapes/evaluation.ts";
import { overSeedsOf, overSeedsText } from "../tasks/shortcut/over-seeds.ts";
import { stepsText, taskOf, taskOptions, taskPlugins, type Task } from "../tasks/task.ts";

/** The recipes that have settings for a model of this size. */
const recipes = tinyPresetNames;
type Mode = "official" | "paper";

export const demo = command({
  name: "demo",
  forms: [""],
  summary: [
    "Train a tiny vision-language model on pictures drawn here, with one recipe after the other from the same start, and compare them.",
    "Writes <output>/report.html and a folder per run. An output folder that holds runs already gets a numbered neighbour.",
  ],
  options: {
    ...taskOptions("shortcut"),
    recipe: {
      kind: "text",
      value: "<name>",
      many: true,
      text: `What is trained: ${recipes.join(", ")}; options after a colon, papo:gamma=0.04. Without it grpo and papo:gamma=0.2, of the task shapes papo.`,
    },
    steps: { kind: "count", text: stepsText },
    seeds: { kind: "count", default: 1, text: "How often each is trained, with seeds from 1." },
    scenes: { kind: "count", default: 1000, text: "Unseen scenes to measure on." },
    mode: {
      kind: "choice",
      choices: ["official", "paper"],
      many: true,
      default: ["official"],
      text: "Of recipes with PAPO: what its release computes, or what the paper writes.",
    },
    output: { kind: "text", value: "<folder>", default: "runs/demo", text: "Where runs and report go." },
    verbose: { kind: "flag", text: "Print each run's plan too: plugins, rewards, score requests, memory." },
    page: { kind: "flag", text: "Serve a page of the runs on this machine alone while they train." },
    ...portOption,
    resume: {
      kind: "flag",
      text: "Go on in that folder, after a Ctrl-C: with the run that was on, then those that are missing.",
    },
  },
  positionals: [0, 0],
  async run({ values, display }) {
    const { scenes, verbose } = values;
    const port = values.page || values.port !== undefined ? { port: values.port ?? null } : null;
    const task = taskOf(values);
    const steps = values.steps ?? task.steps;
    const trainings = trainingsOf(values.recipe.length > 0 ? values.recipe : task.recipes, values.mode, values.seeds);
    const output = values.resume ? resolve(values.output) : await freeFolder(resolve(values.output));
    makeFolder(output);
    const lock = lockFolder(output);
    const stop = hold({ say: sayStopping(display) });
    try {
      return await unlessStopped(
        () => runDemo({ task, trainings, steps, scenes, output, display, stop, verbose, port }),
        () =>
          display.line(
            `go on with: ${commandWith(["--output", relative(process.cwd(), output), "--resume"], [values.output])}`,
          ),
      );
    } finally {
      stop.release();
      lock.release();
    }
  },
});

/** One run of the demo. */
interface Training {
  readonly variant: Variant;
  readonly seed: number;
  /** Runs of equal label are seeds of one another. */
  readonly label: string;
}

interface DemoOptions {
  readonly task: Task;
  readonly trainings: readonly Training[];
  readonly steps: number | null;
  readonly scenes: number;
  readonly output: string;
  readonly display: Display;
  readonly stop: Hold;
  readonly verbose: boolean;
  /** Of the page; null where none is served. */
  readonly port: { readonly port: number | null } | null;
}

/** What is shown and why, in a few lines. */
function introduce({ task, trainings, scenes, output, display }: DemoOptions): void {
  const labels = [...new Set(trainings.map(({ label }) => label))];
  display.line(`A tiny vision-language model learns from rewards: by ${labels.join(", then anew by ")}.`);
  if (task.about !== null) display.line(task.about);
  display.line(
    `Why: what does training gain on ${scenes.toLocaleString("en")} unseen pictures${labels.length > 1 ? ", and which recipe more" : ""}?`,
  );
  display.line(
    `The end: ${relative(process.cwd(), join(output, "report.html"))}. Ctrl-C stops, --page shows it live, --verbose all plans.`,
  );
}

async function runDemo(options: DemoOptions): Promise<void> {
  introduce(options);
  const control = new RunControl();
  const page =
    options.port === null ? null : await openTrainingPage({ folder: options.output, control, ...options.port });
  if (page !== null) options.display.line(`page: ${page.address}`);
  try {
    await trainAll(options, control, page);
  } finally {
    await page?.close();
  }
}

async function trainAll(
  { task, trainings, steps, scenes, output, display, stop, verbose }: DemoOptions,
  control: RunControl,
  page: TrainingPage | null,
): Promise<void> {
  const data = await drawData(task, trainings, steps, scenes, output, display);
  const model = await startModelOf(task, output, display);
  if (verbose) display.line(`model: ${relative(process.cwd(), model)}; executor: onnxruntime-node on the CPU`);
  // Not beside the runs: whoever watches the folder sees it as what each of them began with.
  const start = join(output, "data", "start");
  const runs: RunRecord[] = [];
  for (const training of trainings) {
    const folder = join(output, folderName(training));
    stop.signal.throwIfAborted();
    const name = `${training.label}, seed ${training.seed}`;
    if (existsSync(doneFile(folder))) {
      runs.push(readRunFolder(folder, { name, recipe: training.label }));
      continue;
    }
    // One that was killed has no checkpoint, and begins anew.
    if (checkpointFolders(join(folder, "checkpoints")).length === 0) rmSync(folder, { recursive: true, force: true });
    const { plugins, settings } = madePreset(training.variant);
    const chosen = { ...settings, seed: training.seed, ...(steps === null ? {} : { steps }), checkpointEvery: 0 };
    const policy = await openPolicy({ folder: model, ...learnerSettings(parseSettings(chosen)) });
    try {
      // It goes on where it was stopped, and is not measured twice.
      const answering = answeringOf(plugins, chosen);
      const names = (answering.environments ?? []).map((environment) => environment.name);
      const before = [start, ...names].join("-");
      await measure("the start", policy, data.unseen, before, null, { display, stop }, answering);
      const session = {
        stop,
        control,
        resume: existsSync(folder),
        name,
        policy,
        plugins: [...taskPlugins(task), ...plugins, ...probe(plugins)],
        dataset: data.train,
        settings: chosen,
        output: folder,
        display,
        weights: startWeights(model, null, fileDigest),
      };
      let withdraw: (() => void) | undefined;
      const onBegin = (): void => void (withdraw = page?.offer(folder));
      const { ended } = await trainWithDisplay({
        ...session,
        onBegin,
        shown: { plan: verbose, answerEvery: 10 },
      }).finally(() => withdraw?.());
      if (ended === "interrupted") throw new StoppedError();
      await measure(
        name,
        policy,
        data.unseen,
        join(folder, "evaluation", "after"),
        folder,
        { display, stop },
        answering,
      );
      await cp(before, join(folder, "evaluation", "before"), { recursive: true });
      writeFileAtomic(doneFile(folder), "");
      runs.push(readRunFolder(folder, { name, recipe: training.label }));
    } finally {
      await policy.close();
    }
  }
  const report = join(output, "report.html");
  await writeReport(report, {
    title:
      task.strength === null
        ? "The embedded task"
        : `The embedded task ${task.name}, the prior right about ${percent(task.strength)} of the training questions`,
    runs,
  });
  summarise(runs, display);
  const about = { task: task.name, strength: task.strength, steps };
  const shown = trainings.map(({ variant }) => variant.label);
  for (const measured of overSeedsOf(about, shown)) display.result(overSeedsText(measured));
  display.result(`report: ${relative(process.cwd(), report)}`, { report });
}

/** "papo(dapo), paper" with seed 1: papo-dapo-paper-1. */
const folderName = ({ label, seed }: Training): string => [...(label.match(/\w+/g) ?? []), seed].join("-");

/** Says that a training and its measurement are done. */
const doneFile = (folder: string): string => join(folder, "done");

/** Training scenes for the longest run, and unseen ones. */
async function drawData(
  task: Task,
  trainings: readonly Training[],
  steps: number | null,
  scenes: number,
  output: string,
  display: Display,
): Promise<{ train: Dataset; unseen: Dataset }> {
  const draw = async (split: "train" | "test", pictures: number): Promise<Dataset> => {
    const phase = display.phase(
      `drawing ${pictures} ${split === "train" ? "training" : "unseen"} scenes`,
      pictures,
      true,
    );
    const file = await task.writeRows(join(output, "data", split), {
      split,
      seed: 2,
      count: pictures,
      onProgress: (done) => phase.advance(done),
    });
    phase.end();
    return openJsonl(file);
  };
  return {
    train: await draw(
      "train",
      promptsOf(
        trainings.map(({ variant }) => variant),
        steps,
      ),
    ),
    unseen: await draw("test", scenes),
  };
}

async function startModelOf(task: Task, output: string, display: Display): Promise<string> {
  let phase: ReturnType<Display["phase"]> | undefined;
  const model = await task.startModel(join(output, "data", "start-model"), (done, steps) =>
    (phase ??= display.phase("making the model to begin with", steps)).advance(done),
  );
  phase?.end();
  return model;
}

/** @param pictures the run's folder; null writes none: the start's are those of every run */
async function measure(
  name: string,
  policy: OpenPolicy,
  dataset: Dataset,
  output: string,
  pictures: string | null,
  { display, stop }: Pick<DemoOptions, "display" | "stop">,
  answering: ReturnType<typeof answeringOf>,
): Promise<void> {
  const phase = display.phase(`measuring ${name} on ${dataset.size} unseen scenes`, 2 * dataset.size);
  await evaluateShapes({
    policy,
    dataset,
    output,
    pictures,
    ...answering,
    signal: stop.signal,
    onProgress: (done) => phase.advance(done),
  });
  phase.end();
}

/** The numbers of the report in a few lines, the verdict even when it is not flattering. */
function summarise(runs: readonly RunRecord[], display: Display): void {
  const line = (
    name: string,
    { accuracy: greedy, sampled, errors, klPrcp }: NonNullable<RunRecord["after"]>,
  ): string => {
    const { accuracy, low, high } = greedy.overall;
    const needed = greedy.visionDependent ? percent(greedy.visionDependent.accuracy) : "–";
    const part =
      greedy.priorWrong === null ? `picture needed ${needed}` : `prior wrong ${percent(greedy.priorWrong.accuracy)}`;
    const perception = percent(errors["perception"] ?? 0);
    return `  ${name.padEnd(28)} ${percent(accuracy)} [${percent(low)}, ${percent(high)}]  ${part}  T=1 ${percent(sampled?.overall.accuracy ?? 0)}  perception errors ${perception}  KL_prcp ${(klPrcp ?? 0).toFixed(2)}`;
  };
  display.result("greedy accuracy on unseen scenes, with its 95 % interval:");
  const first = runs[0]?.before;
  if (first) display.result(line("start", first));
  for (const run of runs) if (run.after) display.result(line(run.name, run.after));
  const labels = [...new Set(runs.map(({ recipe }) => recipe))];
  for (const comparison of defaultComparisons(labels)) display.result(verdictOf(comparison, runs));
}

/** @param names labels of variants. @throws Error naming one that is none */
function trainingsOf(names: readonly string[], modes: readonly Mode[], seeds: number): Training[] {
  return names.map(parseVariant).flatMap((variant) => {
    const own: readonly (Mode | null)[] =
      variant.preset.startsWith("papo") && variant.options["mode"] === undefined ? modes : [null];
    return own.flatMap((mode) => {
      const chosen = mode === null ? variant : { ...variant, options: { ...variant.options, mode } };
      const label = labelOf(variant, own.length > 1 || mode === "paper" ? mode : null);
      return Array.from({ length: seeds }, (_, i) => ({ variant: chosen, seed: i + 1, label }));
    });
  });
}

/** "papo(grpo)", "papo(dapo), paper", "papo(grpo), gamma=0.1". */
function labelOf({ preset, options }: Variant, mode: string | null): string {
  const base = preset === "papo" ? "papo(grpo)" : preset === "papo-d" ? "papo(dapo)" : preset;
  return [
    base,
    ...Object.entries(options).map(([name, value]) => `${name}=${value}`),
    ...(mode === null ? [] : [mode]),
  ].join(", ");
}

/** The folder itself, or the first numbered neighbour that is free: an earlier report is never overwritten. */
async function freeFolder(folder: string): Promise<string> {
  for (let number = 1; ; number++) {
    const candidate = number === 1 ? folder : `${folder}-${number}`;
    if (!existsSync(candidate) || (await readdir(candidate)).length === 0) return candidate;
  }
}

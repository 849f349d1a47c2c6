/** `papo replay <run> --step N`: a step of a run again, held against what was recorded of it. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import {
  beginFolder,
  type BegunFolder,
  checkpointFolders,
  createHost,
  digestsFile,
  identityOf,
  isLocked,
  keptDigests,
  learnerSettings,
  lockFile,
  openPolicy,
  parseSettings,
  type Plugin,
  train,
} from "@papo/core";
import { RunLogPlugin } from "@papo/plugins";
import { command, UsageError } from "../command-line/command.ts";
import type { Display } from "../display/display.ts";
import { planOf, RunMeasurements } from "../evaluation/plan.ts";
import { compareSteps, shownBeside, type RecordedStep } from "../replay/compare.ts";
import { recordedStep } from "../replay/recorded-step.ts";
import { openSources } from "../../run-file/data-source.ts";
import { begunRun } from "../../run-file/begun-run.ts";
import { modelFolder, startWeights } from "../../run-file/model-folder.ts";
import { loadRunFile, type LoadedRunFile } from "../../run-file/run-file.ts";
import { beforeEnd, hold, StoppedError } from "../stopping.ts";

export const replay = command({
  name: "replay",
  also: ["rerun", "reproduce", "recompute"],
  forms: ["<run folder>"],
  summary: [
    "Compute a step of a run again, from the newest checkpoint before it, else from the start, with the rewards that were written down, and compare every number that was recorded.",
    "Nothing in the run's folder changes. Exits 1 where something differs.",
  ],
  options: {
    step: { kind: "count", text: "The step." },
    with: {
      kind: "text",
      value: "<plugin.option=value>",
      many: true,
      text: "Another option in that step alone: what it would have been is shown beside what it was. settings.… may be given too.",
    },
    "run-file": {
      kind: "text",
      value: "<run.ts>",
      text: "The run file, where it is not the one that the run was begun with.",
    },
  },
  positionals: [1, 1],
  async run({ values, positionals: [given], display }) {
    const { step } = values;
    if (step === undefined) throw new UsageError(["which step? give --step <number>"]);
    const folder = resolve(given!);
    const recorded = recordedStep(folder, step);
    const { overrides, runFile } = begunRun(folder);
    const file = values["run-file"] ?? (runFile === undefined ? undefined : resolve(folder, runFile));
    if (file === undefined)
      throw new UsageError([`${folder} does not say which run file it is of; give --run-file <run.ts>`]);
    const original = await loadRunFile(file, { set: overrides, output: folder });
    const changes = values.with.map((change) => (/^(settings|plugins)\./.test(change) ? change : `plugins.${change}`));
    const changed =
      changes.length === 0 ? null : await loadRunFile(file, { set: [...overrides, ...changes], output: folder });
    removeLeftScratch(folder);
    const scratch = mkdtempSync(`${folder}.replay-`);
    const begun = beginFolder(scratch);
    const remove = (): void => {
      begun.end();
      rmSync(scratch, { recursive: true, force: true });
    };
    const forget = beforeEnd(remove);
    try {
      prepare(folder, scratch, step);
      if (changed !== null && (checkpointFolders(join(scratch, "checkpoints"))[0]?.step ?? -1) < step - 1 && step > 1)
        await runUpTo(original, begun, scratch, step - 1, false, display);
      if (changed !== null)
        forgetVerdicts(join(scratch, "rewards", `step-${step}.jsonl`), scorersOf(changed.plugins, changes));
      await runUpTo(changed ?? original, begun, scratch, step, changed !== null, display);
      return tell(recorded, recordedStep(scratch, step), changes, display);
    } finally {
      forget();
      remove();
    }
  },
});

/**
 * What replays that were killed left: their lock says that their process has ended. One that has none yet may be
 * beginning.
 */
function removeLeftScratch(folder: string): void {
  for (const name of readdirSync(dirname(folder)).filter((one) => one.startsWith(`${basename(folder)}.replay-`))) {
    const scratch = join(dirname(folder), name);
    // Another replay may have removed it in between.
    const made = statSync(scratch, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    const begins = !existsSync(join(scratch, lockFile)) && Date.now() - made < 60_000;
    if (!begins && !isLocked(scratch)) rmSync(scratch, { recursive: true, force: true });
  }
}

function tell(was: RecordedStep, is: RecordedStep, changes: readonly string[], display: Display): number | void {
  if (changes.length > 0) return display.result(shownBeside(was, is, changes), { was: was.metrics, with: is.metrics });
  const { lines, equal } = compareSteps(was, is);
  display.result(lines.join("\n"), { equal });
  return equal ? undefined : 1;
}

/** A folder that stands as the run did before the step: links to its checkpoints, and copies of its verdicts. */
function prepare(folder: string, scratch: string, step: number): void {
  for (const name of ["checkpoints", "rewards"]) mkdirSync(join(scratch, name));
  for (const { folder: checkpoint, step: at } of checkpointFolders(join(folder, "checkpoints")))
    if (at < step) symlinkSync(checkpoint, join(scratch, "checkpoints", `step-${at}`));
  const rewards = join(folder, "rewards");
  for (const name of existsSync(rewards) ? readdirSync(rewards) : []) {
    if (Number(/^step-(\d+)\.jsonl$/.exec(name)?.[1] ?? Infinity) <= step)
      copyFileSync(join(rewards, name), join(scratch, "rewards", name));
  }
  const digests = join(folder, digestsFile);
  if (existsSync(digests)) copyFileSync(digests, join(scratch, digestsFile));
}

/**
 * Scorers of the plugins whose options are changed: what they said before holds no longer. All of them where that
 * cannot be told.
 */
function scorersOf(plugins: readonly Plugin[], changes: readonly string[]): ReadonlySet<string> {
  const others = plugins.filter(
    (plugin) => !changes.some((change) => change.startsWith(`plugins.${identityOf(plugin)}.`)),
  );
  const { scorers, views } = createHost(plugins, { seed: 1 });
  try {
    const kept = createHost(others, { seed: 1, givenViews: [...views.keys()] }).scorers;
    return new Set([...scorers.keys()].filter((name) => !kept.has(name)));
  } catch {
    return new Set(scorers.keys());
  }
}

/** Leave verdicts of some scorers out of a journal, so that they are given anew. */
function forgetVerdicts(journal: string, scorers: ReadonlySet<string>): void {
  if (scorers.size === 0 || !existsSync(journal)) return;
  const forgotten = new Set([...scorers].map((name) => JSON.stringify(name)));
  const kept = readFileSync(journal, "utf8")
    .split("\n")
    .filter((line) => {
      const scorer = /"scorer":("(?:[^"\\]|\\.)*")/.exec(line)?.[1];
      return scorer === undefined || !forgotten.has(scorer);
    });
  writeFileSync(journal, kept.join("\n"));
}

/** The run goes on in the scratch folder until a step is done. */
async function runUpTo(
  run: LoadedRunFile,
  begun: BegunFolder,
  scratch: string,
  step: number,
  otherwise: boolean,
  display: Display,
): Promise<void> {
  const settings = parseSettings(run.settings);
  const model = modelFolder(run.model, run.modelAsWritten);
  const weights = startWeights(model, settings.lora, keptDigests(join(scratch, digestsFile)));
  const stop = hold();
  const policy = await openPolicy({ folder: model, ...learnerSettings(settings) });
  try {
    const plan = run.evaluation === undefined ? null : planOf(run.evaluation);
    const dataset = await openSources(run.data, settings.onBadRow);
    const unseen = plan === null ? null : await openSources(plan.data);
    const ended = new AbortController();
    const measurements =
      plan === null || unseen === null
        ? null
        : new RunMeasurements({
            signal: stop.signal,
            policy,
            model,
            weights,
            plan,
            dataset: unseen,
            plugins: run.plugins,
            maxNewTokens: settings.sampling.maxNewTokens,
            output: scratch,
            display,
          });
    await train({
      begun,
      policy,
      dataset,
      settings,
      weights,
      output: scratch,
      resume: true,
      otherwise,
      // What plugins write down elsewhere is of the run and not of this.
      plugins: [...run.plugins.filter(({ observes }) => observes !== true), new RunLogPlugin({ folder: scratch })],
      evaluation: measurements?.inLoop() ?? null,
      signal: AbortSignal.any([stop.signal, ended.signal]),
      onEvents: (events) =>
        events.on("step", (done) => {
          if (done.step >= step) ended.abort(new StoppedError());
        }),
    });
    stop.signal.throwIfAborted();
  } finally {
    await policy.close();
    stop.release();
  }
}

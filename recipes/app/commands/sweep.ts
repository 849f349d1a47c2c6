/** `papo sweep`: a run file with every combination of some values, as one table and a plot. */
import { resolve } from "node:path";
import { loadRunFile } from "../../run-file/run-file.ts";
import { command, UsageError } from "../command-line/command.ts";
import { runFileMistakes, setOption } from "../command-line/run-file-options.ts";
import { commandWith, hold, unlessStopped } from "../stopping.ts";
import { sayStopping } from "../session.ts";
import { readGrid, type Varied } from "../sweep/grid.ts";
import { checkRuns } from "../compare/file-runs.ts";
import { plannedRuns, runSweep } from "../sweep/sweep.ts";

export const sweep = command({
  name: "sweep",
  also: ["grid", "search", "tune", "hyperparameter-search"],
  forms: ["<run.ts>"],
  summary: [
    "Train a run file with every combination of the values that --vary names, and rank them: by the evaluation after training, or a metric.",
    "Each run is a process of its own. Started again, it goes on: runs that are done stay as they are, one that was cut off goes on from its checkpoint, and further values or seeds are added.",
    "Writes <output>/table.md, results.json, sweep.svg and report.html, and a folder per run with its log beside it.",
  ],
  options: {
    vary: {
      kind: "text",
      value: "<path=first,second,…>",
      many: true,
      text: "An option with its values, paths as --set has them: settings.learningRate=1e-6,1e-5. A list is one value in brackets.",
    },
    ...setOption,
    seeds: { kind: "count", default: 1, text: "How often each combination is trained, with seeds from 1." },
    jobs: { kind: "count", default: 1, text: "Runs side by side: each takes the memory that papo plan says." },
    metric: {
      kind: "text",
      value: "<name>",
      text: "Rank by this metric, the mean over the last 10 steps. Without it by the evaluation after training, or by reward/mean where there is none.",
    },
    output: {
      kind: "text",
      value: "<folder>",
      text: "Where runs and tables go; without it the run file's output folder with -sweep after its name.",
    },
    "dry-run": { kind: "flag", text: "Check all combinations and list the runs, and train none." },
  },
  positionals: [1, 1],
  besides: async ({ values, positionals }) => [
    ...readVaried(values).mistakes,
    ...(await runFileMistakes(positionals, { set: values.set })),
  ],
  async run({ values, positionals: [file], display }) {
    const { varied, mistakes } = readVaried(values);
    if (mistakes.length > 0)
      throw new UsageError([...mistakes, ...(await runFileMistakes([file!], { set: values.set }))]);
    const output = resolve(values.output ?? `${(await loadRunFile(file!, { set: values.set })).output}-sweep`);
    const runs = plannedRuns({ runFile: resolve(file!), varied, fixed: values.set, seeds: values.seeds, output });
    await checkRuns(runs);
    if (values["dry-run"]) {
      display.result(runs.map(({ name }) => name).join("\n"), {
        runs: runs.map(({ name, set, folder }) => ({ name, set, folder })),
      });
      return;
    }
    const stop = hold({ say: sayStopping(display) });
    const asked = {
      runFile: resolve(file!),
      varied,
      fixed: values.set,
      seeds: values.seeds,
      jobs: values.jobs,
      metric: values.metric,
      output,
      display,
      signal: stop.signal,
    };
    try {
      return await unlessStopped(
        () => runSweep(asked, runs),
        () => display.line(`go on with: ${commandWith([])}`),
      );
    } finally {
      stop.release();
    }
  },
});

/** What is varied, and all that is wrong with it. */
function readVaried({
  vary,
  set,
  seeds,
}: {
  readonly vary: readonly string[];
  readonly set: readonly string[];
  readonly seeds: number;
}): { readonly varied: readonly Varied[]; readonly mistakes: readonly string[] } {
  const mistakes: string[] = [];
  const varied = readGrid(vary, set, mistakes);
  if (vary.length === 0 && seeds === 1)
    mistakes.push("nothing is varied: name values, --vary settings.learningRate=1e-6,1e-5, or --seeds 3");
  if ([...varied.map(({ path }) => path), ...set.map((one) => one.split("=")[0]!.trim())].includes("settings.seed"))
    mistakes.push("settings.seed is the sweep's own: --seeds says how many");
  return { varied, mistakes };
}

/** `papo plan`: how much memory and disk a run takes, by part, before anything is allocated. */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import {
  adviceFor,
  createHost,
  examplePrompt,
  firstPrompts,
  machineMemory,
  openProcessor,
  parseSettings,
  planOf,
  plannedFolder,
  type PlannedModel,
  plannedRun,
  planRollout,
  planTable,
  type Plugin,
  publishedConfig,
  publishedNames,
  readModelConfig,
  type EncodedPrompt,
  type RunSettings,
} from "@papo/core";
import { grpo } from "../../grpo.ts";
import { openSources } from "../../run-file/data-source.ts";
import { modelFolder } from "../../run-file/model-folder.ts";
import { withOverrides } from "../../run-file/overrides.ts";
import { loadRunFile, type RunFile } from "../../run-file/run-file.ts";
import { textCommand, UsageError } from "../command-line/command.ts";
import { say } from "../display/say.ts";
import { isRunFile, runFileMistakes, setOption } from "../command-line/run-file-options.ts";

export const plan = textCommand({
  name: "plan",
  also: ["memory", "estimate", "size"],
  forms: ["<run.ts>", "<published model | config.json | model folder>"],
  summary: [
    "Print how much memory and disk a run takes, by part, and what settings would change.",
    "Nothing is allocated: shapes are enough, so that a published model is known by its name alone (Qwen2.5-VL-3B). Every response is taken to be as long as it may be.",
  ],
  options: {
    ...setOption,
    "model-shape": {
      kind: "text",
      value: "<published model | config.json>",
      text: "Take the run file's model to be this one, without weights.",
    },
    "text-tokens": { kind: "count", default: 128, text: "Text tokens of a prompt, where there is no data to read." },
    "visual-tokens": { kind: "count", least: 0, default: 256, text: "Visual tokens of its picture." },
    memory: { kind: "number", least: 1, value: "<GB>", text: "Memory to fit, in place of this machine's." },
  },
  positionals: [1, 1],
  besides: ({ values, positionals }) => runFileMistakes(positionals, values),
  async run({ values, positionals: [subject] }) {
    const isRun = isRunFile(subject!);
    const run = isRun ? await loadRunFile(subject!, { set: values.set }) : bareRun(values.set);
    const settings = parseSettings(run.settings);
    const shape = isRun ? values["model-shape"] : subject!;
    const prompts = { textTokens: values["text-tokens"], visualTokens: values["visual-tokens"] };
    const { model, encoded } = shape === undefined ? await ofRunFile(run, settings) : await ofShape(shape, prompts);
    const available = values.memory === undefined ? machineMemory() : values.memory * 1e9;
    say((await describe(model, run.plugins, settings, encoded, available)).join("\n"));
  },
});

interface Subject {
  readonly model: PlannedModel;
  /** Prompts of the run, of which the longest counts. */
  readonly encoded: readonly EncodedPrompt[];
}

/** Rows that a plan looks at. */
const rowsRead = 16;

async function ofRunFile(run: RunFile & { readonly modelAsWritten?: string }, settings: RunSettings): Promise<Subject> {
  const folder = modelFolder(run.model, run.modelAsWritten);
  const { random } = createHost(run.plugins, { seed: settings.seed });
  const prompts = await firstPrompts(await openSources(run.data, settings.onBadRow), rowsRead, {
    processor: await openProcessor(folder, settings.pictures),
    random,
    settings,
  });
  if (prompts.length === 0) throw new Error("none of the data's rows can be used: papo data check says why");
  return { model: await plannedFolder(folder), encoded: prompts.map(({ views }) => views.get("original")!) };
}

/** Weights of published models are in bfloat16. */
async function ofShape(shape: string, prompt: Parameters<typeof examplePrompt>[1]): Promise<Subject> {
  const model = await shapeOf(shape);
  return { model, encoded: [examplePrompt(model.config, prompt)] };
}

async function shapeOf(shape: string): Promise<PlannedModel> {
  if (existsSync(shape)) {
    const folder = statSync(shape).isDirectory() ? shape : join(shape, "..");
    const hasWeights = ["model.safetensors", "model.safetensors.index.json"].some((name) =>
      existsSync(join(folder, name)),
    );
    return hasWeights ? plannedFolder(folder) : { config: await readModelConfig(folder), typeOf: () => "BF16" };
  }
  const config = publishedConfig(shape);
  if (config === null)
    throw new Error(
      `"${shape}" is no file, and not one published model that is known here: ${publishedNames().join(", ")}`,
    );
  return { config, typeOf: () => "BF16" };
}

/** GRPO with the settings that are set. */
function bareRun(set: readonly string[]): RunFile {
  const mistakes: string[] = [];
  const run = withOverrides({ model: "", data: "", output: "", plugins: grpo() }, set, mistakes);
  if (mistakes.length > 0) throw new UsageError(mistakes);
  return run;
}

async function describe(
  model: PlannedModel,
  plugins: readonly Plugin[],
  settings: RunSettings,
  encoded: readonly EncodedPrompt[],
  available: number,
): Promise<string[]> {
  const host = createHost(plugins, { seed: settings.seed });
  const context = { step: 1, steps: settings.steps };
  host.beginStep(context);
  const run = plannedRun(host, planRollout(context, { host, settings }), settings, encoded, available);
  const planned = await planOf(model, settings, run);
  const work = `${run.prompts} prompts of ${run.prompt.ids.length} tokens × ${run.responses} responses of ${run.responseTokens} tokens in an update, ${run.sampled} prompts sampled together`;
  return [work, ...planTable(planned, await adviceFor(model, settings, run, planned), available)];
}

/**
 * The smallest run of a preset (the environment's SOAK_PRESET): rollout, reward, update, checkpoint, evaluation and
 * report, each said as it begins.
 */
import { FunctionRewardPlugin } from "@papo/plugins";
import type { Plugin, Run } from "@papo/core";
import { defineRun, preset, presetNames, type PresetName } from "@papo/recipes";
import { ShapesRewardPlugin } from "../../recipes/app/tasks/shapes/reward-plugin.ts";
import { tinyPresetNames } from "../../recipes/presets/index.ts";

const name = process.env["SOAK_PRESET"] ?? "papo-d";
if (!presetNames.includes(name as PresetName)) throw new Error(`there is no preset ${name}`);
const steps = Number(process.env["SOAK_STEPS"] ?? 4);

/** Tells what a step does, on the standard output, a line each: "at rollout". */
class SaysPlugin implements Plugin {
  readonly name = "SaysPlugin";

  apply({ hooks, events }: Run): void {
    const say = (phase: string): void => void process.stdout.write(`at ${phase}\n`);
    hooks.prompts.tapPromise(this.name, async (rows) => (say("rollout"), rows));
    hooks.rewards.tapPromise(this.name, async (rewards) => (say("reward"), rewards));
    hooks.terms.tap(this.name, (terms) => (say("update"), terms));
    events.on("step", () => say("checkpoint"));
  }
}

// The table's recipes bring their rewards, all of which are 0 for a model of this size: a second one makes groups
// differ.
const isTiny = (tinyPresetNames as readonly string[]).includes(name);
const share = new FunctionRewardPlugin({
  name: "even",
  weight: 0.5,
  timeoutSeconds: 3600,
  score: ({ response: { tokens } }) => tokens.filter((token) => token % 2 === 0).length / tokens.length,
});

/** Rewards that are computed within a limit of time get a long one: the machine may have other work. */
function patient(plugin: Plugin): Plugin {
  const { options } = plugin as { readonly options?: Readonly<Record<string, unknown>> };
  return typeof options?.["limit"] === "number"
    ? new (plugin.constructor as new (options: object) => Plugin)({ ...options, limit: 600_000 })
    : plugin;
}

export default defineRun({
  model: "../../recipes/app/tasks/shapes/start-model",
  data: "rows.jsonl",
  plugins: [
    ...(isTiny ? [new ShapesRewardPlugin()] : []),
    ...preset(name as PresetName).plugins.map(patient),
    share,
    new SaysPlugin(),
  ],
  settings: {
    steps,
    promptsPerStep: 2,
    promptsPerMinibatch: 1,
    samplesPerPrompt: 4,
    maxRounds: 2,
    learningRate: 1e-4,
    warmupSteps: 2,
    checkpointEvery: 1,
    sampling: { maxNewTokens: 16 },
    parityPrompts: 0,
  },
  evaluation: { data: "rows.jsonl", every: 2 },
  output: "./out",
});

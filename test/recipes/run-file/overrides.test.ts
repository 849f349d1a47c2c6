import { resolve } from "node:path";
import { identityOf, labelled, parseOptions, type Plugin, secret } from "@papo/core";
import {
  BoxRewardPlugin,
  CsvPlugin,
  HttpRewardPlugin,
  MathRewardPlugin,
  PerceptionKlPlugin,
  RandomMaskPlugin,
  SemanticMaskPlugin,
} from "@papo/plugins";
import { dapo, papo } from "@papo/recipes";
import { expect, test } from "vitest";
import { z } from "zod";
import { VisualFocusPlugin } from "../../../recipes/examples/visual-focus.ts";
import { withOverrides } from "../../../recipes/run-file/overrides.ts";
import type { RunFile } from "../../../recipes/run-file/run-file.ts";

const base: RunFile = {
  model: "m",
  data: "rows.jsonl",
  output: "out",
  plugins: [...papo(dapo()), new VisualFocusPlugin(), new MathRewardPlugin({ weight: 0.9 })],
  settings: { steps: 3, sampling: { topP: 0.9 }, optimizer: { freeze: ["a"] } },
};

/** The run file with these set, and what is wrong with them. */
function set(...written: string[]): { run: RunFile; mistakes: string[] } {
  const mistakes: string[] = [];
  return { run: withOverrides(base, written, mistakes), mistakes };
}

const optionsOf = (plugins: readonly Plugin[], name: string): unknown =>
  (plugins.find((plugin) => plugin.name === name) as { options?: unknown } | undefined)?.options;

test.each([
  ["settings.learningRate=1e-5", { learningRate: 1e-5 }],
  ["settings.sampling.maxNewTokens=32", { sampling: { topP: 0.9, maxNewTokens: 32 } }],
  ["settings.promptsPerMinibatch=null", { promptsPerMinibatch: null }],
  ["settings.recompute=true", { recompute: true }],
  ["settings.decay=cosine", { decay: "cosine" }],
  ["settings.optimizer.freeze=model.visual.**,lm_head.*", { optimizer: { freeze: ["model.visual.**", "lm_head.*"] } }],
  ['settings.optimizer.freeze=["a,b"]', { optimizer: { freeze: ["a,b"] } }],
  ["settings.optimizer.freeze=", { optimizer: { freeze: [] } }],
  ["settings.lora.rank=8", { lora: { rank: 8 } }],
  ["settings.lora.targetModules=q_proj,v_proj", { lora: { targetModules: ["q_proj", "v_proj"] } }],
  ["settings.lora.targetModules=all-linear", { lora: { targetModules: "all-linear" } }],
  ["settings.lora.layersToTransform=[1,2]", { lora: { layersToTransform: [1, 2] } }],
  ["settings.lora.start=adapter", { lora: { start: resolve("adapter") } }],
  ['settings.keepBest={"metric":"evaluation/average"}', { keepBest: { metric: "evaluation/average" } }],
  ["settings.keepBest.metric=a=b", { keepBest: { metric: "a=b" } }],
])("%s", (written, settings) => {
  const { run, mistakes } = set(written);
  expect(mistakes).toEqual([]);
  expect(run.settings).toEqual({ ...base.settings, ...settings });
  expect(base.settings).toEqual({ steps: 3, sampling: { topP: 0.9 }, optimizer: { freeze: ["a"] } });
});

test("options of plugins are set in new ones, in their places; your own plugins too", () => {
  const { run, mistakes } = set(
    "plugins.PerceptionKlPlugin.coefficient=0.02",
    "plugins.visualfocus.threshold=0.3",
    "plugins.PerceptionKl.cap=5",
    "plugins.DynamicSamplingPlugin.low=0.995",
    "plugins.DynamicSamplingPlugin.high=0.999",
  );
  expect(mistakes).toEqual([]);
  expect(run.plugins.map(({ name }) => name)).toEqual(base.plugins.map(({ name }) => name));
  expect(optionsOf(run.plugins, "PerceptionKlPlugin")).toEqual({
    ...(optionsOf(base.plugins, "PerceptionKlPlugin") as object),
    coefficient: 0.02,
    cap: 5,
  });
  expect(optionsOf(run.plugins, "VisualFocusPlugin")).toEqual({ threshold: 0.3 });
  expect(optionsOf(run.plugins, "DynamicSamplingPlugin")).toMatchObject({ low: 0.995, high: 0.999 });
  expect(run.plugins.find((plugin) => plugin instanceof PerceptionKlPlugin)).not.toBe(
    base.plugins.find((plugin) => plugin instanceof PerceptionKlPlugin),
  );
  expect(optionsOf(base.plugins, "PerceptionKlPlugin")).toMatchObject({ coefficient: 0.01 });
});

test("model, data, evaluation and output; the last of equal paths counts", () => {
  const { run, mistakes } = set(
    "model=a",
    "model=b",
    "data=other.jsonl",
    "data.split=train",
    "evaluation=test.jsonl",
    "evaluation.every=5",
    "output=there",
  );
  expect(mistakes).toEqual([]);
  expect(run).toMatchObject({
    model: resolve("b"),
    data: { path: resolve("other.jsonl"), split: "train" },
    evaluation: { data: resolve("test.jsonl"), every: 5 },
    output: resolve("there"),
  });
  expect(set("data.split=train").run.data).toEqual({ path: "rows.jsonl", split: "train" });
  expect(withOverrides({ ...base, evaluation: "x" }, ["evaluation=null"], [])).not.toHaveProperty("evaluation");
});

test("a source of a mix is named by its place", () => {
  const mix: RunFile = { ...base, data: [{ path: "a.jsonl" }, { path: "b.jsonl", weight: 3 }] };
  const mistakes: string[] = [];
  expect(withOverrides(mix, ["data.0.weight=0", "data.1.path=c.jsonl"], mistakes).data).toEqual([
    { path: "a.jsonl", weight: 0 },
    { path: resolve("c.jsonl"), weight: 3 },
  ]);
  expect(mistakes).toEqual([]);
  for (const [written, words] of [
    [
      "data.weight=2",
      '"data" is a list of sources: name an option of one by its place, data.0.weight to data.1.weight',
    ],
    ["data.2.weight=2", '"data" is a list of sources: name an option of one by its place'],
    ["data.0=2", '"data" is a list of sources: name an option of one by its place'],
    ["data.0.weight=-1", 'the option "weight" is -1, allowed is at least 0'],
    ["data.0.wieght=1", 'unknown option "wieght"; did you mean "weight"?'],
  ] as const) {
    const told: string[] = [];
    expect(withOverrides(mix, [written], told).data).toEqual(mix.data);
    expect(told).toEqual([expect.stringContaining(words)]);
    expect(told[0]).toMatch(`--set ${written}: `);
  }
});

test.each([
  ["settings.learningRate=fast", 'the option "learningRate" is "fast", allowed is number'],
  ["settings.steps=-1", 'the option "steps" is -1, allowed is more than 0'],
  ["settings.steps=2.5", 'the option "steps" is 2.5, allowed is int'],
  ["settings.decay=cosin", 'the option "decay" is "cosin", allowed is "constant" or "linear" or "cosine"'],
  [
    "settings.max_grad_norm=1",
    'unknown option "max_grad_norm"; did you mean "optimizer.maxGradientNorm" (max_grad_norm of TRL and EasyR1)?',
  ],
  ["settings.sampling.top_p=1", 'unknown option "sampling.top_p"; did you mean "topP"'],
  ["settings=3", "name an option: settings.<option>=<value>"],
  ["learningRate=1", 'nothing is called "learningRate"; did you mean --set settings.learningRate=…?'],
  ["num_generations=4", "did you mean --set settings.samplesPerPrompt=… (num_generations of TRL)?"],
  [
    "seting.steps=4",
    'nothing is called "seting.steps"; did you mean settings? There are settings.<option>, plugins.<class>.<option>, plugins=<preset>, model, data, evaluation, output',
  ],
  ["settings.steps", "write path=value, settings.learningRate=1e-5"],
  ["settings..steps=1", "write path=value"],
  [
    "plugins.PerceptionKlPlugin.coeficient=1",
    'PerceptionKlPlugin: unknown option "coeficient"; did you mean "coefficient"?',
  ],
  [
    "plugins.PerceptionKlPlugin.coefficient=-1",
    'PerceptionKlPlugin: the option "coefficient" is -1, allowed is at least 0',
  ],
  ["plugins.PerceptionKlPlugin=1", "name an option of PerceptionKlPlugin: coefficient, view,"],
  [
    "plugins.PercpetionKlPlugin.coefficient=1",
    'there is no plugin "PercpetionKlPlugin"; did you mean "PerceptionKlPlugin"?; the recipe has DynamicSamplingPlugin,',
  ],
  ["plugins.Dynamic.low=2", 'DynamicSamplingPlugin: the option "low" is 2 and "high" is 0.99; low must be below high'],
  ["model.path=x", '"model" is a path and has nothing in it'],
  ["data.splt=train", 'unknown option "splt"; did you mean "split"?'],
  ["data=null", "a run needs data"],
  ["plugins=grppo", '"grppo" is no preset; did you mean "grpo"? there are grpo-3b,'],
  ["plugins=grpo:gamma=1", 'preset grpo takes no option "gamma"'],
  ["plugins=grpo:settings.steps=1", "settings are the run file's: --set settings.steps=1 sets one"],
])("%s is refused, and changes nothing", (written, words) => {
  const { run, mistakes } = set(written);
  expect(mistakes).toEqual([expect.stringContaining(words)]);
  expect(mistakes[0]).toMatch(new RegExp(`^--set ${written.split("=")[0]!}`));
  expect({ ...run, plugins: run.plugins.map(({ name }) => name) }).toEqual({
    ...base,
    plugins: base.plugins.map(({ name }) => name),
  });
});

test("a preset takes the place of the plugins: rewards and observers of the run file stay, the preset's own rewards go, and options are set in it", () => {
  const names = (run: RunFile, ...written: string[]): string[] => {
    const mistakes: string[] = [];
    const { plugins } = withOverrides(run, written, mistakes);
    expect(mistakes).toEqual([]);
    return plugins.map(identityOf);
  };
  const logged = { ...base, plugins: [...base.plugins, new CsvPlugin()] };
  expect(names(logged, "plugins=grpo")).toEqual([
    "MathRewardPlugin",
    "GroupAdvantagePlugin",
    "ClippedObjectivePlugin",
    "CsvPlugin",
  ]);
  expect(names(base, "plugins=papo-g-7b")).not.toContain("FormatRewardPlugin");
  const { plugins: _none, ...bare } = base;
  expect(names({ ...bare, plugins: [] }, "plugins=papo-g-7b").slice(0, 2)).toEqual([
    "MathRewardPlugin",
    "FormatRewardPlugin",
  ]);
  expect(names({ ...bare, plugins: [], reward: () => 1 }, "plugins=papo-g-7b")).not.toContain("MathRewardPlugin");
  // What is a method's own reward is the method.
  expect(names(base, "plugins=vision-sr1")).toContain("SecondHopRewardPlugin");
  const { run, mistakes } = set("plugins.PerceptionKl.cap=3", "plugins=papo:gamma=0.2,maskRatio=0.5");
  expect(mistakes).toEqual([]);
  expect(optionsOf(run.plugins, "PerceptionKlPlugin")).toMatchObject({ coefficient: 0.2, cap: 3 });
  expect(run.settings).toBe(base.settings);
});

test("all mistakes are told", () => {
  expect(set("settings.steps=x", "settings.seed=2", "plugins.none.a=1", "beta=2").mistakes).toHaveLength(3);
});

test("a labelled plugin is set by class and label, and keeps its label", () => {
  const plugins = [new BoxRewardPlugin(), labelled(new BoxRewardPlugin(), "strict")];
  const mistakes: string[] = [];
  const changed = withOverrides({ plugins } as never, ["plugins.BoxRewardPlugin:strict.weight=2"], mistakes).plugins;
  expect(mistakes).toEqual([]);
  expect(changed.map((plugin) => [identityOf(plugin), (plugin as BoxRewardPlugin).options.weight])).toEqual([
    ["BoxRewardPlugin", plugins[0]!.options.weight],
    ["BoxRewardPlugin:strict", 2],
  ]);
});

test("a name that may be several plugins is ambiguous, also where the recipe has one twice", () => {
  const told = (plugins: readonly Plugin[], written: string): string[] => {
    const mistakes: string[] = [];
    withOverrides({ ...base, plugins }, [written], mistakes);
    return mistakes;
  };
  const masks = [new RandomMaskPlugin(), new SemanticMaskPlugin({ source: "policy" })];
  expect(told(masks, "plugins.Mask.ratio=0.5")).toEqual([
    '--set plugins.Mask.ratio=0.5: "Mask" is ambiguous: it may be RandomMaskPlugin or SemanticMaskPlugin',
  ]);
  expect(told(masks, "plugins.RandomMask.ratio=0.5")).toEqual([]);
  expect(told([new BoxRewardPlugin(), new BoxRewardPlugin()], "plugins.BoxRewardPlugin.weight=2")).toEqual([
    "--set plugins.BoxRewardPlugin.weight=2: the recipe has BoxRewardPlugin 2 times",
  ]);
});

test("options that no schema is known of are told so", () => {
  class BarePlugin implements Plugin {
    readonly name = "BarePlugin";
    apply(): void {
      // Nothing to do.
    }
  }
  const mistakes: string[] = [];
  withOverrides({ ...base, plugins: [new BarePlugin()] }, ["plugins.BarePlugin.a=1"], mistakes);
  expect(mistakes).toEqual([
    "--set plugins.BarePlugin.a=1: the options of BarePlugin cannot be set from here: set them in the run file",
  ]);
});

test("a secret is set in the run file, from the environment, and is in no message", () => {
  const withServer = {
    ...base,
    plugins: [...base.plugins, new HttpRewardPlugin({ part: "served", url: "http://host/" })],
  };
  const mistakes: string[] = [];
  const key = "sk-very-hidden";
  const { plugins } = withOverrides(
    withServer,
    [
      `plugins.HttpRewardPlugin.headers.Authorization=Bearer ${key}`,
      `plugins.HttpReward.headers={"Authorization":"${key}"}`,
      `plugins.HtpRewardPlugin.headers.Authorization=${key}`,
      `plugin.Http.headers.Authorization=${key}`,
      `plugins.HttpReward.url=http://me:${key}@host/`,
      "plugins.HttpReward.retries=1",
    ],
    mistakes,
  );
  expect(mistakes).toHaveLength(5);
  expect(mistakes.slice(-4)[0]).toMatch(
    /^--set plugins\.HttpRewardPlugin\.headers\.Authorization=…: HttpRewardPlugin keeps headers\.Authorization secret, .* Write environment\("NAME"\) in the run file/,
  );
  expect(mistakes.join("\n")).not.toContain(key);
  expect(optionsOf(plugins, "HttpRewardPlugin")).toMatchObject({ headers: {}, retries: 1, url: "http://host/" });
});

test("a secret whose name does not look like one is in no message either", () => {
  class TokenPlugin {
    readonly name = "TokenPlugin";
    readonly options = parseOptions(this.name, z.strictObject({ token: secret().optional() }), {});
    apply(): void {}
  }
  const mistakes: string[] = [];
  withOverrides({ ...base, plugins: [new TokenPlugin()] }, ["plugins.TokenPlugin.token=abc123"], mistakes);
  expect(mistakes).toEqual([
    expect.stringMatching(/^--set plugins\.TokenPlugin\.token=…: TokenPlugin keeps token secret/),
  ]);
});

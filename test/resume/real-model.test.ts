import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { expect, test } from "vitest";
import { PerceptionKlPlugin, RandomMaskPlugin } from "@papo/plugins";
import { preset } from "@papo/recipes";
import { arrayDataset, type Dataset } from "../../core/data/dataset.ts";
import { openJsonl } from "../../core/data/open.ts";
import type { Sample } from "../../core/contracts/step/sample.ts";
import { writeDataset } from "../../recipes/app/tasks/shapes/dataset.ts";
import { ShapesRewardPlugin } from "../../recipes/app/tasks/shapes/reward-plugin.ts";
import { train } from "../../core/pipeline/run.ts";
import { readSafetensorsHeader } from "../../core/model/files/safetensors-header.ts";
import { learnerSettings, parseSettings, type RunSettingsInput } from "../../core/contracts/settings.ts";
import { openPolicyInProcess } from "../../core/worker/policy.ts";
import { BanditPlugin, ScorerPlugin, TapPlugin, temporaryFolder } from "../support/bandit.ts";

const folder = fileURLToPath(new URL("../golden/cases/models/tiny", import.meta.url));
const settings = {
  steps: 2,
  promptsPerStep: 7,
  promptsPerMinibatch: 4,
  samplesPerPrompt: 2,
  learningRate: 1e-3,
  checkpointEvery: 1,
  sampling: { maxNewTokens: 6 },
} satisfies RunSettingsInput;

/** Five pictures of five sizes, a row with two of them, and one with none. */
async function mixedRows(): Promise<Dataset> {
  const sizes = [
    [28, 28],
    [56, 28],
    [30, 70],
    [84, 56],
    [1, 1],
  ] as const;
  const pictures = temporaryFolder();
  const paths = sizes.map(([width, height]) => join(pictures, `${width}x${height}.png`));
  for (const [index, [width, height]] of sizes.entries()) {
    await sharp({ create: { width, height, channels: 3, background: { r: 40 * index, g: 255 - 40 * index, b: 90 } } })
      .png()
      .toFile(paths[index]!);
  }
  const single = paths.map((path) => ({ prompt: "How many?", images: [path] }));
  return arrayDataset([
    ...single,
    { prompt: "Compare <image> and <image>", images: paths.slice(0, 2) },
    { prompt: "No picture" },
  ]);
}

/** Looks through a view without colours, so that it takes part in the loss. */
const grey = (): TapPlugin =>
  new TapPlugin(({ views, scores, hooks }) => {
    views.register({
      name: "grey",
      raw: (picture) => ({ ...picture, data: new Uint8Array(picture.data.length).fill(128) }),
    });
    const seen = scores.request({ view: "grey", weights: "current", gradient: true });
    hooks.terms.tap("TapPlugin", (terms, batch) => [
      ...terms,
      { name: "grey", value: batch.get(seen), reduction: "token_mean" },
    ]);
  });

/** Scenes of the embedded task, its start model, and the recipe that looks at a cell again. */
test("responses of two turns, a picture between them, train with a masked view and resume byte-equal", async () => {
  const output = temporaryFolder();
  const shapes = fileURLToPath(new URL("../../recipes/app/tasks/shapes/start-model", import.meta.url));
  const dataset = await openJsonl(
    await writeDataset(temporaryFolder(), { count: 4, seed: 4, split: "train", kinds: ["at"], freeShare: 0 }),
  );
  const { settings: published } = preset("deepeyes");
  const two = {
    ...published,
    steps: 2,
    promptsPerStep: 2,
    promptsPerMinibatch: 1,
    samplesPerPrompt: 4,
    learningRate: 1e-4,
    warmupSteps: 0,
    checkpointEvery: 1,
  } satisfies RunSettingsInput;
  const samples: Sample[] = [];
  const trainOnce = async (resume: boolean): Promise<string> => {
    const policy = await openPolicyInProcess({ folder: shapes, threads: 1, ...learnerSettings(parseSettings(two)) });
    const plugins = [
      new ShapesRewardPlugin(),
      ...preset("deepeyes").plugins,
      new RandomMaskPlugin(),
      new PerceptionKlPlugin(),
    ];
    await train({
      policy,
      dataset,
      settings: two,
      output,
      resume,
      plugins,
      onEvents: (events) => events.on("response", ({ sample }) => samples.push(sample)),
    }).finally(() => policy.close());
    return readFileSync(join(output, "metrics.jsonl"), "utf8");
  };
  const whole = await trainOnce(false);
  const metrics = whole
    .trim()
    .split("\n")
    .map((line) => (JSON.parse(line) as { metrics: Record<string, number> }).metrics);
  for (const step of metrics) expect(step["rollout/parity_max"]).toBeLessThanOrEqual(2e-5);
  expect(metrics.some((step) => step["rollout/turns"]! > 1)).toBe(true);
  const shown = samples.filter(({ response }) => response.segments.length === 3);
  expect(shown.length).toBeGreaterThan(2);
  for (const {
    response: {
      segments: [first, between, second],
    },
  } of shown) {
    expect(between).toMatchObject({ source: "environment", pictures: [{ grid: expect.any(Array) as unknown }] });
    const cell = first!.text.match(/\b[a-d][1-4]\b/g)!.at(-1)!;
    expect(between!.text).toBe(`<image> at ${cell}`);
    expect(second!.tokens.length).toBeGreaterThan(0);
  }
  const weights = join(output, "checkpoints", "step-2", "policy", "model", "model.safetensors");
  const trained = readFileSync(weights);
  rmSync(join(output, "checkpoints", "step-2"), { recursive: true });
  expect(await trainOnce(true)).toBe(whole);
  expect(readFileSync(weights).equals(trained)).toBe(true);
}, 120_000);

async function run(output: string, dataset: Dataset, resume: boolean, settings: RunSettingsInput): Promise<string> {
  const policy = await openPolicyInProcess({
    folder,
    ...learnerSettings(parseSettings(settings)),
    microbatchTokens: 512,
  });
  const evenTokens = new ScorerPlugin({
    score: ({ response }) => response.tokens.filter((token) => token % 2 === 0).length,
  });
  try {
    await train({ policy, dataset, settings, output, resume, plugins: [evenTokens, new BanditPlugin(), grey()] });
  } finally {
    await policy.close();
  }
  return readFileSync(join(output, "metrics.jsonl"), "utf8");
}

/** What the last checkpoint holds of the policy: names and contents. */
function savedPolicy(output: string): readonly (readonly [name: string, content: string])[] {
  const policy = join(output, "checkpoints", "step-2", "policy");
  const names = readdirSync(policy, { recursive: true, encoding: "utf8" }).filter((name) =>
    statSync(join(policy, name)).isFile(),
  );
  return names.sort().map((name) => [name, readFileSync(join(policy, name), "base64")]);
}

test("a Qwen2.5-VL trains on pictures of five sizes, two pictures and none in one batch, and resumes byte-equal", async () => {
  const [output, dataset] = [temporaryFolder(), await mixedRows()];
  const whole = await run(output, dataset, false, settings);
  expect(whole.trim().split("\n")).toHaveLength(2);
  const weights = join(output, "checkpoints", "step-2", "policy", "model", "model.safetensors");
  const trained = readFileSync(weights);
  expect(
    trained.equals(readFileSync(join(output, "checkpoints", "step-1", "policy", "model", "model.safetensors"))),
  ).toBe(false);
  rmSync(join(output, "checkpoints", "step-2"), { recursive: true });
  expect(await run(output, dataset, true, settings)).toBe(whole);
  expect(readFileSync(weights).equals(trained)).toBe(true);
}, 60_000);

test("an adapter with dropout resumes byte-equal; its checkpoints hold nothing of the base", async () => {
  const [output, dataset] = [temporaryFolder(), await mixedRows()];
  const adapted = {
    ...settings,
    promptsPerStep: 4,
    promptsPerMinibatch: 2,
    lora: { rank: 3, alpha: 12, dropout: 0.2, vision: true },
  };
  const whole = await run(output, dataset, false, adapted);
  const trained = savedPolicy(output);
  expect(trained.map(([name]) => name)).toEqual([
    "adapter/adapter_config.json",
    "adapter/adapter_model.safetensors",
    "learner.json",
    "optimizer.safetensors",
  ]);
  rmSync(join(output, "checkpoints", "step-2"), { recursive: true });
  expect(await run(output, dataset, true, adapted)).toBe(whole);
  expect(savedPolicy(output)).toEqual(trained);
  const other = { ...adapted, lora: { ...adapted.lora, dropout: 0.3 } };
  await expect(run(output, dataset, true, other)).rejects.toThrow(/lora\.dropout: 0\.2 → 0\.3/);
}, 60_000);

test("8-bit moments resume byte-equal, and do not go on as float32", async () => {
  const [output, dataset] = [temporaryFolder(), await mixedRows()];
  const bytes = { ...settings, promptsPerStep: 4, promptsPerMinibatch: 2, optimizer: { moments: "8bit" as const } };
  const whole = await run(output, dataset, false, bytes);
  const trained = savedPolicy(output);
  const optimizer = join(output, "checkpoints", "step-2", "policy", "optimizer.safetensors");
  const { entries } = await readSafetensorsHeader(optimizer);
  expect([...entries].filter(([name, { type }]) => name.endsWith(".codes") && type === "U8").length).toBeGreaterThan(
    10,
  );
  rmSync(join(output, "checkpoints", "step-2"), { recursive: true });
  expect(await run(output, dataset, true, bytes)).toBe(whole);
  expect(savedPolicy(output)).toEqual(trained);
  await expect(run(output, dataset, true, { ...bytes, steps: 3, optimizer: {} })).rejects.toThrow(
    /optimizer\.moments: "8bit" → "float32"/,
  );
}, 60_000);

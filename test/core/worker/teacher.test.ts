/** Another folder's weights beside the policy's: the golden models stand for a policy and its teachers. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  arrayDataset,
  labelled,
  learnerSettings,
  openPolicyInProcess,
  parseSettings,
  planOf,
  plannedFolder,
  train,
  type OpenPolicy,
  type Plugin,
  type Run,
  type TrainOptions,
} from "@papo/core";
import { grpo } from "@papo/recipes";
import { VisualAdvantageDistillationPlugin } from "@papo/plugins";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readSafetensors } from "../../../core/model/files/safetensors.ts";
import { writeSafetensors } from "../../../core/model/files/safetensors-write.ts";
import type { LearnerBatch } from "../../../core/learner/learner.ts";
import { ScorerPlugin, TapPlugin } from "../../support/bandit.ts";
import { tabularPolicy } from "../../support/tabular-policy.ts";

const models = fileURLToPath(new URL("../../golden/cases/models/", import.meta.url));
const folder = join(models, "tiny");
let scratch = "";
let other = "";
const opened: OpenPolicy[] = [];

/** @param settings of the run */
async function open(from = folder, settings: Parameters<typeof parseSettings>[0] = {}): Promise<OpenPolicy> {
  const policy = await openPolicyInProcess({ folder: from, threads: 1, ...learnerSettings(parseSettings(settings)) });
  opened.push(policy);
  return policy;
}

/** The tiny model with other numbers in its weights. */
async function withOtherWeights(name: string, factor: number): Promise<string> {
  const to = join(scratch, name);
  cpSync(folder, to, { recursive: true });
  const tensors = await readSafetensors(join(folder, "model.safetensors"));
  const changed = new Map(
    [...tensors].map(([tensor, { shape, data }]) => [
      tensor,
      { shape, data: (data as Float32Array).map((value) => value * factor) },
    ]),
  );
  await writeSafetensors(join(to, "model.safetensors"), changed);
  return to;
}

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), "teacher-"));
  other = await withOtherWeights("other", 1.5);
});
afterAll(async () => {
  for (const policy of opened) await policy.close();
  rmSync(scratch, { recursive: true });
});

class CopyPlugin implements Plugin {
  readonly name = "CopyPlugin";

  apply({ copies }: Run): void {
    copies.register({ name: "big", decay: 0, every: 1 });
  }
}

const batch: LearnerBatch = {
  prompts: [
    { ids: Int32Array.of(5, 6, 7), pictures: [] },
    { ids: Int32Array.of(8, 9), pictures: [] },
  ],
  rows: [
    { prompt: 0, tokens: Int32Array.of(11, 12, 13) },
    { prompt: 1, tokens: Int32Array.of(14) },
  ],
  temperature: 0.8,
};

describe("a teacher", () => {
  test("scores as a policy of its folder does, and is what divergences are from", async () => {
    const [{ learner }, { learner: alone }] = [await open(), await open(other)];
    await learner.teach!("other", other);
    const wanted = await alone.score(batch, ["logProbs", "entropy"]);
    expect(await learner.score(batch, ["logProbs", "entropy"], "other")).toEqual(wanted);
    expect((await learner.score(batch, ["logProbs"])).logProbs).not.toEqual(wanted.logProbs);
    const against = { prompts: batch.prompts, promptOf: [0, 1], weights: "other" };
    const { kl } = await learner.score({ ...batch, against }, ["kl"]);
    const every: LearnerBatch = {
      ...batch,
      rows: Array.from({ length: 512 }, (_, token) => ({ prompt: 1, tokens: Int32Array.of(token) })),
    };
    const [p, q] = [
      (await learner.score(every, ["logProbs"])).logProbs!,
      (await alone.score(every, ["logProbs"])).logProbs!,
    ];
    expect(kl![3]).toBeCloseTo(
      p.reduce((sum, logP, v) => sum + Math.exp(logP) * (logP - q[v]!), 0),
      5,
    );
    expect(kl![3]).toBeGreaterThan(1e-4);
    // One of another size too: its hidden states are 48 wide, the policy's 128.
    const small = join(models, "small");
    await learner.teach!("small", small);
    const { learner: second } = await open(small);
    expect(await learner.score(batch, ["logProbs"], "small")).toEqual(await second.score(batch, ["logProbs"]));
    const r = (await second.score(every, ["logProbs"])).logProbs!;
    const { reverseKl } = await learner.score({ ...batch, against: { ...against, weights: "small" } }, ["reverseKl"]);
    expect(reverseKl![3]).toBeCloseTo(
      r.reduce((sum, logR, v) => sum + Math.exp(logR) * (logR - p[v]!), 0),
      4,
    );
    // It stays what it is while the policy learns, and has no gradient.
    await learner.backward({ ...batch, against }, { kl: Float32Array.of(1, 1, 1, 1, 0, 0) });
    await learner.step({ learningRate: 1e-3 });
    expect(await learner.score(batch, ["logProbs", "entropy"], "other")).toEqual(wanted);
  });

  test("of another tokenizer, other pictures, or no model at all is refused with what differs", async () => {
    const { learner } = await open();
    await expect(learner.teach!("far", join(scratch, "nowhere"))).rejects.toThrow("nowhere");
    const spelled = join(scratch, "spelled");
    cpSync(folder, spelled, { recursive: true });
    const tokenizer = JSON.parse(readFileSync(join(spelled, "tokenizer.json"), "utf8")) as {
      model: { vocab: Record<string, number> };
    };
    const [word] = Object.entries(tokenizer.model.vocab).find(([, id]) => id === 40)!;
    const { [word]: id, ...others } = tokenizer.model.vocab;
    tokenizer.model.vocab = { ...others, unheard: id! };
    writeFileSync(join(spelled, "tokenizer.json"), JSON.stringify(tokenizer));
    await expect(learner.teach!("spelled", spelled)).rejects.toThrow(
      `their tokenizers differ in 1 of 489 tokens, the first is 40, ${JSON.stringify(word)} to the policy and "unheard" to the teacher`,
    );
    const seen = join(scratch, "seen");
    cpSync(folder, seen, { recursive: true });
    const file = join(seen, "processor_config.json");
    const processor = JSON.parse(readFileSync(file, "utf8")) as { image_processor: Record<string, unknown> };
    writeFileSync(
      file,
      JSON.stringify({ ...processor, image_processor: { ...processor.image_processor, image_mean: [0, 0, 0] } }),
    );
    await expect(learner.teach!("seen", seen)).rejects.toThrow("the patches of a picture hold other numbers");
    const empty = join(scratch, "empty");
    mkdirSync(empty);
    await expect(learner.teach!("empty", empty)).rejects.toThrow("empty");
    const cut = join(scratch, "cut");
    cpSync(folder, cut, { recursive: true });
    writeFileSync(join(cut, "model.safetensors"), readFileSync(join(cut, "model.safetensors")).subarray(0, 5000));
    await expect(learner.teach!("cut", cut)).rejects.toThrow("model.safetensors");
  });

  test("is in the memory of the plan", async () => {
    const [planned, settings] = [await plannedFolder(folder), parseSettings({})];
    const run = {
      prompt: batch.prompts[0]!,
      prompts: 2,
      responses: 2,
      responseTokens: 8,
      views: 1,
      outputs: ["logProbs", "kl"] as const,
      sampled: 2,
      copies: 0,
      available: 1e10,
    };
    const [without, with_] = [
      await planOf(planned, settings, run),
      await planOf(planned, settings, { ...run, teachers: [{ name: "other", folder: other }] }),
    ];
    expect(with_.held.map(({ name }) => name)).toContain('teacher "other"');
    expect(with_.passes.map(({ name }) => name)).toContain('scoring, "other"');
    // Its weights stay in their file, beside them the head in float32.
    expect(with_.mapped - without.mapped).toBeGreaterThan(4 * 512 * 64);
    expect(with_.host - without.host).toBe(with_.held.find(({ name }) => name === 'teacher "other"')!.bytes);
  });
});

describe("a run with a teacher", () => {
  const reward = (): Plugin => new ScorerPlugin({ name: "accuracy", score: ({ response }) => response.tokens[0]! % 2 });
  const noisy = (): Plugin =>
    new TapPlugin(({ views }) => {
      views.register({ name: "noisy", prompt: (original) => ({ ...original, prompt: `${original.prompt} b` }) });
    });
  const settings = {
    steps: 1,
    promptsPerStep: 1,
    samplesPerPrompt: 2,
    checkpointEvery: 1,
    parityPrompts: 0,
    learningRate: 1e-4,
    sampling: { maxNewTokens: 4 },
  };
  const dataset = arrayDataset([{ id: "a", prompt: "a", answer: "a" }]);
  const options = async (teacher: string, output: string): Promise<TrainOptions> => ({
    policy: await open(folder, settings),
    dataset,
    settings,
    output: join(scratch, output),
    plugins: [reward(), noisy(), ...grpo({ referenceKl: 0 }), new VisualAdvantageDistillationPlugin({ teacher })],
  });

  test("learns from it, says so, and goes on with no other one", async () => {
    const lines: string[] = [];
    const metrics: Record<string, number> = {};
    const onEvents: NonNullable<TrainOptions["onEvents"]> = (events) => {
      events.on("plan", (plan) => void lines.push(...plan.lines));
      events.on("step", (step) => void Object.assign(metrics, step.metrics));
    };
    await train({ ...(await options(other, "run")), onEvents });
    expect(lines.join("\n")).toContain(
      `weights "teacher" by VisualAdvantageDistillationPlugin: those of ${other}, which never change`,
    );
    expect(lines.join("\n")).toContain(
      'kl of the view "original" under the current weights, from that of the view "original" under the teacher weights, for each minibatch, with gradient',
    );
    expect(metrics["va_opd/kl"]).toBeGreaterThan(0);
    const replaced = await withOtherWeights("other", 1.25);
    await expect(
      train({ ...(await options(replaced, "run")), settings: { ...settings, steps: 2 }, resume: true }),
    ).rejects.toThrow(/teachers\.teacher: "[0-9a-f]{64}" → "[0-9a-f]{64}"/);
  });

  test("is refused by a learner that opens none, and two of a name", async () => {
    const asking = new TapPlugin(({ teachers, scores }) => {
      scores.request({ weights: teachers.register({ name: "big", folder: other }) });
    });
    await expect(
      train({ policy: tabularPolicy(), dataset, settings, output: join(scratch, "none"), plugins: [reward(), asking] }),
    ).rejects.toThrow(
      `The teacher "big" (${other}) cannot be opened: this learner scores with weights of its own alone`,
    );
    const named = (name: string): Plugin =>
      new TapPlugin(({ teachers }) => {
        teachers.register({ name, folder: other });
      });
    await expect(
      train({
        policy: tabularPolicy(),
        dataset,
        settings,
        output: join(scratch, "old"),
        plugins: [reward(), named("reference")],
      }),
    ).rejects.toThrow('registers a teacher "reference", which are weights of the run itself');
    await expect(
      train({
        policy: tabularPolicy(),
        dataset,
        settings,
        output: join(scratch, "two"),
        plugins: [reward(), named("big"), labelled(named("big"), "b"), new CopyPlugin()],
      }),
    ).rejects.toThrow('TapPlugin registers the teacher "big", and CopyPlugin a copy of the weights of that name');
  });
});

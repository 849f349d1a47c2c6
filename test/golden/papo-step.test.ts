import { createHost, lossOf, type LossOf } from "@papo/core/testing";
import {
  ClippedObjectivePlugin,
  DoubleEntropyPlugin,
  GroupAdvantagePlugin,
  PerceptionKlPlugin,
  RandomMaskPlugin,
} from "@papo/plugins";
import { beforeAll, describe, expect, test } from "vitest";
import type { GraphLearner } from "../../core/learner/graph-learner.ts";
import type { LearnerBatch, Outputs, StepReport } from "../../core/learner/learner.ts";
import { createRandom } from "../../core/math/random.ts";
import { hashPixels } from "../../core/model/processing/image-processor.ts";
import type { EncodedPrompt } from "../../core/model/model.ts";
import type { EncodedPicture } from "../../core/model/processing/picture.ts";
import { createLearner, goldenPictures, type LoadedModel, loadModel, maskedRow } from "./loaded-model.ts";
import {
  goldenJson,
  goldenTensors,
  type GoldenTensor,
  hasPart,
  largestDifference,
  relativeError,
  tensorOf,
} from "./support.ts";

/** What make_papo_step.py writes beside the tensors. */
interface StepInfo {
  readonly model: string;
  readonly prompt_len: number;
  readonly options: {
    readonly clip_low: number;
    readonly clip_high: number;
    readonly dual_clip: number;
    readonly log_ratio_clamp: number;
    readonly reduction: "token_mean";
    readonly gamma: number;
    readonly kl_cap: number;
    readonly eta_original: number;
    readonly eta_masked: number;
    readonly advantage_epsilon: number;
    readonly temperature: number;
    readonly optimizer: { readonly lr: number };
  };
  readonly runs: readonly StepRun[];
}

interface StepRun {
  readonly dtype: "f32" | "f64";
  readonly detach_masked: boolean;
  readonly loss: number;
  readonly pg: number;
  readonly kl_prcp: number;
  readonly entropy: number;
  readonly entropy_masked: number;
  readonly grad_norms: Readonly<Record<string, number>>;
  readonly total_norm: number;
  readonly param_sums_after: Readonly<Record<string, number>>;
}

type Tensors = ReadonlyMap<string, GoldenTensor>;

function pluginsOf({ options }: StepInfo, mode: "official" | "paper") {
  const { reduction } = options;
  return [
    new GroupAdvantagePlugin({ epsilon: options.advantage_epsilon }),
    new ClippedObjectivePlugin({
      clipLow: options.clip_low,
      clipHigh: options.clip_high,
      dualClip: options.dual_clip,
      logRatioClamp: options.log_ratio_clamp,
      reduction,
    }),
    new PerceptionKlPlugin({
      coefficient: options.gamma,
      mode,
      logRatioClamp: options.log_ratio_clamp,
      cap: options.kl_cap,
      reduction,
    }),
    new DoubleEntropyPlugin({ original: options.eta_original, masked: options.eta_masked, mode, reduction }),
  ];
}

/** The picture with the golden patches black, through the very view that a run would use. */
async function maskPicture(picture: EncodedPicture, patchMask: GoldenTensor): Promise<EncodedPicture> {
  const mask = new RandomMaskPlugin({ on: "patches", mask: () => patchMask.data });
  const row = { id: "golden", prompt: "", system: null, images: [], answer: "", fields: {} };
  const masked = await createHost([mask], { seed: 1 })
    .views.get("masked")
    ?.patches?.(picture, { row, step: 1, picture: 0, response: null, random: createRandom(1) });
  if (masked === undefined) throw new Error("RandomMaskPlugin registers no view of patches");
  return { ...masked, hash: hashPixels(masked.grid, masked.pixels) };
}

const rowsOf = (data: ArrayLike<number>, T: number): number[][] =>
  Array.from({ length: data.length / T }, (_, row) => Array.from({ length: T }, (__, t) => data[row * T + t] ?? NaN));

/** Everything one step made, before and after the update. */
interface Step {
  readonly logProbs: Float32Array;
  readonly masked: Float32Array;
  readonly loss: LossOf;
  readonly gradients: ReadonlyMap<string, Float32Array>;
  readonly report: StepReport;
  readonly model: LoadedModel;
  readonly after: Float32Array;
}

async function logProbsOf(learner: GraphLearner, batch: LearnerBatch): Promise<Float32Array> {
  return (await learner.score(batch, ["logProbs"])).logProbs ?? new Float32Array();
}

async function takeStep(info: StepInfo, tensors: Tensors, mode: "official" | "paper"): Promise<Step> {
  const model = await loadModel(info.model);
  const learner = createLearner(model, 4096);
  const [ids, attention, mask] = [
    tensorOf(tensors, "input_ids"),
    tensorOf(tensors, "attention_mask"),
    tensorOf(tensors, "completion_mask"),
  ];
  const [picture] = goldenPictures(tensorOf(tensors, "pixel_values"), [[...tensorOf(tensors, "image_grid_thw").data]]);
  if (picture === undefined) throw new Error("the golden step has no picture");
  const promptOf = (seen: EncodedPicture): EncodedPrompt => ({
    ids: Int32Array.from(maskedRow(ids, attention, 0, 0, info.prompt_len)),
    pictures: [seen],
  });
  const completions = tensorOf(tensors, "completion_ids");
  const rows = Array.from({ length: mask.shape[0] ?? 0 }, (_, row) => ({
    prompt: 0,
    tokens: Int32Array.from(maskedRow(completions, mask, row)),
  }));
  const batchOf = (seen: EncodedPicture): LearnerBatch => ({
    prompts: [promptOf(seen)],
    rows,
    temperature: info.options.temperature,
  });
  const [original, hidden] = [batchOf(picture), batchOf(await maskPicture(picture, tensorOf(tensors, "patch_mask")))];
  const [logProbs, masked] = [await logProbsOf(learner, original), await logProbsOf(learner, hidden)];
  const T = mask.shape[1] ?? 0;
  const loss = lossOf(pluginsOf(info, mode), {
    logProbs: rowsOf(logProbs, T),
    oldLogProbs: rowsOf(tensorOf(tensors, "old_logps").data, T),
    mask: rowsOf(mask.data, T),
    rewards: [...tensorOf(tensors, "rewards").data],
    scores: { [mode === "paper" ? "masked/current/logProbs" : "masked/old/logProbs"]: rowsOf(masked, T) },
  });
  const cotangentsOf = (view: string): Outputs => ({
    logProbs: Float32Array.from((loss.gradients[view]?.["logProbs"] ?? []).flat()),
  });
  await learner.backward(original, cotangentsOf("original"));
  if (mode === "paper") await learner.backward(hidden, cotangentsOf("masked"));
  const gradients = new Map([...learner.gradients].map(([name, data]) => [name, data.slice()]));
  const report = await learner.step({ learningRate: info.options.optimizer.lr });
  return { logProbs, masked, loss, gradients, report, model, after: await logProbsOf(learner, original) };
}

const there = hasPart("papo_step.json");

describe.skipIf(!there).each([
  ["official", "det"],
  ["paper", "nodet"],
] as const)("a whole step, %s mode", (mode, kind) => {
  let tensors: Tensors;
  let runs: readonly StepRun[];
  let step: Step;

  beforeAll(async () => {
    const info = goldenJson<StepInfo>("papo_step.json");
    const read = await goldenTensors("papo_step.safetensors");
    if (!info || !read) throw new Error("papo_step.json or papo_step.safetensors is missing");
    tensors = read;
    runs = info.runs.filter(({ detach_masked: detached }) => detached === (kind === "det"));
    step = await takeStep(info, tensors, mode);
  });

  /** The smaller of the errors against the fp32 and the fp64 run. */
  const closest = (name: string, error: (data: Float64Array) => number): number =>
    Math.min(...runs.map(({ dtype }) => error(tensorOf(tensors, `${name}.${dtype}.${kind}`).data)));
  const closestNumber = (own: number | undefined, golden: (run: StepRun) => number | undefined): number =>
    Math.min(...runs.map((run) => Math.abs((own ?? NaN) - (golden(run) ?? NaN))));

  test("log-probs under the picture and the masked picture", () => {
    expect(closest("logps", (data) => largestDifference(step.logProbs, data))).toBeLessThanOrEqual(2e-5);
    expect(closest("masked_logps", (data) => largestDifference(step.masked, data))).toBeLessThanOrEqual(2e-5);
  });

  test("advantages, terms and loss", () => {
    const { loss, terms, advantages } = step.loss;
    expect(
      largestDifference(
        advantages.map((row) => row[0] ?? NaN),
        tensorOf(tensors, "adv").data,
      ),
    ).toBeLessThan(1e-6);
    expect(closestNumber(terms["policy"]?.value, ({ pg }) => pg)).toBeLessThan(2e-5);
    expect(closestNumber(terms["papo/perception_kl"]?.value, ({ kl_prcp: kl }) => kl)).toBeLessThan(2e-5);
    expect(closestNumber(terms["papo/entropy"]?.value, ({ entropy }) => entropy)).toBeLessThan(2e-5);
    expect(closestNumber(terms["papo/entropy_masked"]?.value, ({ entropy_masked: entropy }) => entropy)).toBeLessThan(
      2e-5,
    );
    expect(closestNumber(loss, (run) => run.loss)).toBeLessThan(2e-5);
  });

  test("gradients and their norm", () => {
    const norm = (name: string): number =>
      Math.sqrt(Array.from(step.gradients.get(name) ?? []).reduce((sum, g) => sum + g * g, 0));
    const names = Object.keys(runs[0]?.grad_norms ?? {});
    expect(names.length).toBeGreaterThan(100);
    expect(
      names.filter((name) => !(closestNumber(norm(name), (run) => run.grad_norms[name]) <= 1e-4 * norm(name))),
    ).toEqual([]);
    const whole = [...tensors.keys()].flatMap((key) => /^grad\.(model\..*)\.f64\./.exec(key)?.[1] ?? []);
    expect(whole.length).toBeGreaterThan(0);
    for (const name of whole)
      expect(
        closest(`grad.${name}`, (data) => relativeError(step.gradients.get(name) ?? [], data)),
        name,
      ).toBeLessThan(1e-4);
    const patches = step.gradients.get("model.visual.patch_embed.proj.weight") ?? new Float32Array();
    expect(
      closest("grad.patch_embed_row0", (data) => relativeError(patches.subarray(0, data.length), data)),
    ).toBeLessThan(1e-4);
    expect(step.report.skipped).toBe(false);
    expect(closestNumber(step.report.gradientNorm, ({ total_norm: total }) => total)).toBeLessThan(1e-4);
  });

  test("parameters after AdamW, and the log-probs they give", () => {
    const weights = step.model.runtime.weights();
    // The first update moves every element by about the learning rate, 1e-3, in the direction of its gradient's sign:
    // elements whose gradient is nearly 0 carry its rounding into the weights (torch's own fp32 and fp64 log-probs part
    // by 6e-5 here).
    const whole = [...tensors.keys()].flatMap((key) => /^after_adamw\.(.*)\.f64\./.exec(key)?.[1] ?? []);
    expect(whole.length).toBeGreaterThan(0);
    for (const name of whole)
      expect(
        closest(`after_adamw.${name}`, (data) => largestDifference(weights.get(name)?.data ?? [], data)),
        name,
      ).toBeLessThan(5e-6);
    const sum = (name: string): number =>
      [...(weights.get(name)?.data ?? [NaN])].reduce((total, value) => total + value, 0);
    const off = Object.keys(runs[0]?.param_sums_after ?? {}).filter(
      (name) => !(closestNumber(sum(name), (run) => run.param_sums_after[name]) < 1e-3),
    );
    expect(off).toEqual([]);
    expect(closest("logps_after", (data) => largestDifference(step.after, data))).toBeLessThan(2e-4);
    expect(largestDifference(step.after, step.logProbs)).toBeGreaterThan(1e-2);
  });
});

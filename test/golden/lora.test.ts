import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { adaptedModel, loadAdapterFolder } from "../../core/model/files/adapter-folder.ts";
import { loadModelFolder } from "../../core/model/files/folder.ts";
import { mergedWeights } from "../../core/model/lora/merge.ts";
import type { EncodedPrompt } from "../../core/model/model.ts";
import { createModel } from "../../core/model/registry.ts";
import { ModelRuntime } from "../../core/model/runtime.ts";
import { executors } from "../support/executors.ts";
import { Processor } from "../../core/model/processing/processor.ts";
import {
  completionBatch,
  createLearner,
  encodeMessage,
  type GoldenPart,
  goldenPictures,
  maskedRow,
  sampleGreedily,
} from "./loaded-model.ts";
import {
  closest,
  goldenDir,
  type GoldenTensor,
  largestDifference,
  readJson,
  readTensors,
  relativeError,
  tensorOf,
} from "./support.ts";

/** What the scripts write beside an adapter's tensors. */
interface AdapterInfo {
  readonly cases: Readonly<
    Record<
      string,
      {
        readonly grad_norms_f32: Readonly<Record<string, number>>;
        readonly grad_norms_f64: Readonly<Record<string, number>>;
        readonly greedy_ids?: readonly (readonly number[])[];
      }
    >
  >;
}

const bars = { logProb: 2e-5, gradient: 1e-4 };
const committed = fileURLToPath(new URL("cases", import.meta.url));
/**
 * Adapters lie in a golden folder, or in a part of one called "lora"; where their base is not beside them it is the
 * committed one.
 */
const folder =
  [goldenDir(), join(goldenDir(), "lora")].find((candidate) => existsSync(join(candidate, "adapters"))) ?? null;
const adapters = folder === null ? [] : readdirSync(join(folder, "adapters")).sort();

/** The folder that an adapter is for, by its adapter_config.json: "models/tiny". */
function baseOf(name: string): string {
  const config = join(folder!, "adapters", name, "adapter_config.json");
  const { base_model_name_or_path: base } = readJson<{ readonly base_model_name_or_path: string }>(config);
  const found = [goldenDir(), committed].map((root) => join(root, base)).find((candidate) => existsSync(candidate));
  if (found === undefined)
    throw new Error(`${config} names ${base}, which is neither in ${goldenDir()} nor in ${committed}`);
  return found;
}
if (folder === null) console.log(`skipped: ${goldenDir()} has no adapters`);

const norm = (data: ArrayLike<number>): number =>
  Math.sqrt(Array.from(data).reduce((sum: number, g) => sum + g * g, 0));

/**
 * The prompts of a case of the base, as they were tokenised for it; pictures as the project reads them where the case
 * has no pixels.
 */
async function readCase(base: string, name: string, model: ReturnType<typeof createModel>) {
  const info = readJson<{ prompt_len: number; grid_thw: number[][]; messages: GoldenPart[][] }>(`${base}.${name}.json`);
  const tensors = await readTensors(`${base}.${name}.safetensors`);
  const [ids, attention, pixels] = [
    tensorOf(tensors, "input_ids"),
    tensorOf(tensors, "attention_mask"),
    tensors.get("pixel_values"),
  ];
  const pictures =
    pixels === undefined ? await ownPictures(base, info.messages) : goldenPictures(pixels, info.grid_thw);
  const prompts = Array.from({ length: ids.shape[0]! }, (_, row): EncodedPrompt => {
    const own = Int32Array.from(maskedRow(ids, attention, row, 0, info.prompt_len));
    let left = own.filter((id) => id === model.decoder.pictureToken).length;
    const shown = [];
    while (left > 0) {
      const picture = pictures.shift()!;
      left -= model.vision.tokens(picture);
      shown.push(picture);
    }
    return { ids: own, pictures: shown };
  });
  return {
    prompts,
    batch: completionBatch(prompts, tensorOf(tensors, "completion_ids"), tensorOf(tensors, "completion_mask")),
  };
}

async function ownPictures(base: string, messages: readonly (readonly GoldenPart[])[]) {
  const processor = await Processor.load(base);
  const encoded = await Promise.all(messages.map((parts) => encodeMessage({ processor }, parts)));
  return encoded.flatMap(({ prompt }) => prompt.pictures);
}

// A file without tests would be an error.
test.skipIf(folder !== null)("adapters", ({ skip }) => skip());

describe
  .skipIf(folder === null)
  .each(executors.flatMap((executor) => adapters.map((name) => [name, executor.name, executor] as const)))(
  "adapter %s on %s",
  (name, _, executor) => {
    const info = readJson<AdapterInfo>(join(folder!, `${name}.json`));
    const base = baseOf(name);
    let tensors: ReadonlyMap<string, GoldenTensor>;
    let adapted: ModelRuntime;
    let merged: ModelRuntime;

    beforeAll(async () => {
      tensors = await readTensors(join(folder!, `${name}.safetensors`));
      const { config, weights } = await loadModelFolder(base, (described) => createModel(described).parameters);
      const model = createModel(config);
      const { adapter, weights: factors } = await loadAdapterFolder(
        join(folder!, "adapters", name),
        "",
        adaptedModel(config),
      );
      adapted = new ModelRuntime(model, new Map([...weights, ...factors]), executor, {
        adapters: [{ ...adapter, dropout: 0 }],
        trained: new Set(factors.keys()),
      });
      merged = new ModelRuntime(model, mergedWeights(weights, [{ adapter, weights: factors }]), executor);
    });
    afterAll(async () => {
      await adapted.release();
      await merged.release();
    });

    describe.each(Object.keys(info.cases))("%s", (name) => {
      const golden = info.cases[name]!;

      test("log-probs, beside the base and merged into it", async () => {
        const { batch } = await readCase(base, name, adapted.model);
        for (const [runtime, tensor] of [
          [adapted, "logps"],
          [merged, "logps_merged"],
        ] as const) {
          const { logProbs } = await createLearner({ runtime }, 4096).score(batch, ["logProbs"]);
          expect(
            closest(tensors, `${name}.${tensor}`, ({ data }) => largestDifference(logProbs ?? [], data)),
            tensor,
          ).toBeLessThanOrEqual(bars.logProb);
        }
      });

      test.each([false, true])("gradients of the factors, and of nothing else; recompute %s", async (recompute) => {
        const { batch } = await readCase(base, name, adapted.model);
        const count = batch.rows.reduce((total, { tokens }) => total + tokens.length, 0);
        const T = Math.max(...batch.rows.map(({ tokens }) => tokens.length));
        const learner = createLearner({ runtime: adapted }, 4096, { recompute });
        const cotangent = Float32Array.from({ length: batch.rows.length * T }, (_, at) =>
          at % T < batch.rows[Math.floor(at / T)]!.tokens.length ? -1 / count : 0,
        );
        await learner.backward(batch, { logProbs: cotangent });
        const gradients = new Map(
          [...learner.gradients].map(([parameter, data]) => [`base_model.model.${parameter}`, data]),
        );
        const off = Object.entries(golden.grad_norms_f64).flatMap(([parameter, f64]) => {
          const errors = [golden.grad_norms_f32[parameter]!, f64].map(
            (value) => Math.abs(norm(gradients.get(parameter) ?? []) - value) / value,
          );
          return Math.min(...errors) <= bars.gradient
            ? []
            : [`${parameter}: ${norm(gradients.get(parameter) ?? [])}, golden ${f64}`];
        });
        expect(off).toEqual([]);
        expect(Object.keys(golden.grad_norms_f64).length).toBeGreaterThan(0);
        expect(
          [...gradients].filter(([parameter, data]) => !(parameter in golden.grad_norms_f64) && norm(data) > 0),
        ).toEqual([]);
        const stored = [...tensors.keys()].flatMap((key) =>
          key.startsWith(`${name}.grad.`) && key.endsWith(".f64") ? [key.slice(`${name}.grad.`.length, -4)] : [],
        );
        for (const parameter of stored)
          expect(
            closest(tensors, `${name}.grad.${parameter}`, ({ data }) =>
              relativeError(gradients.get(parameter) ?? [], data),
            ),
            parameter,
          ).toBeLessThanOrEqual(bars.gradient);
      });

      test("the sampler's greedy tokens are the merged model's, and torch's", async () => {
        const { prompts } = await readCase(base, name, adapted.model);
        const [own, whole] = [
          await sampleGreedily({ runtime: adapted }, prompts, 16),
          await sampleGreedily({ runtime: merged }, prompts, 16),
        ];
        const tokens = (responses: typeof own): number[][] =>
          [...responses].sort((a, b) => a.request - b.request).map((response) => [...response.tokens]);
        expect(tokens(own)).toEqual(tokens(whole));
        if (golden.greedy_ids !== undefined) expect(tokens(own)).toEqual(golden.greedy_ids);
        own.forEach(({ request, logProbs }) =>
          expect(
            largestDifference(logProbs, whole.find((response) => response.request === request)!.logProbs),
          ).toBeLessThanOrEqual(bars.logProb),
        );
      });
    });
  },
);

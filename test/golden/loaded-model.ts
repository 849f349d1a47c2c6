/** A golden model folder ready to score, learn and sample, and golden prompts as the project encodes them. */
import { join } from "node:path";
import type { Executor } from "../../core/graph/executor.ts";
import { GraphLearner, type GraphLearnerOptions } from "../../core/learner/graph-learner.ts";
import type { LearnerBatch } from "../../core/learner/learner.ts";
import { loadModelFolder } from "../../core/model/files/folder.ts";
import { hashPixels } from "../../core/model/processing/image-processor.ts";
import type { EncodedPrompt } from "../../core/model/model.ts";
import type { GeneratedResponse } from "../../core/rollout/engine.ts";
import { OnnxRolloutEngine } from "../../core/rollout/onnx-engine.ts";
import { type EncodedPicture, loadPicture } from "../../core/model/processing/picture.ts";
import { Processor } from "../../core/model/processing/processor.ts";
import { createModel } from "../../core/model/registry.ts";
import { ModelRuntime } from "../../core/model/runtime.ts";
import { executors } from "../support/executors.ts";
import { goldenDir, type GoldenTensor } from "./support.ts";

export interface LoadedModel {
  readonly folder: string;
  readonly processor: Processor;
  readonly runtime: ModelRuntime;
}

/** @param executor the first of those that can be tested by default: onnxruntime */
export async function loadModel(name: string, executor: Executor = executors[0]!): Promise<LoadedModel> {
  const folder = join(goldenDir(), "models", name);
  const { config, weights } = await loadModelFolder(folder, (described) => createModel(described).parameters);
  return {
    folder,
    processor: await Processor.load(folder),
    runtime: new ModelRuntime(createModel(config), weights, executor),
  };
}

export function createLearner(
  { runtime }: Pick<LoadedModel, "runtime">,
  microbatchTokens: number,
  options: Pick<GraphLearnerOptions, "longRow" | "passBytes" | "recompute" | "vocabularyChunk"> = {},
): GraphLearner {
  const optimizer = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, maxGradientNorm: 1, freeze: [] };
  return new GraphLearner(runtime, { optimizer, microbatchTokens, ...options });
}

/** A part of a golden message: text, or a picture by the name of its file. */
export type GoldenPart =
  { readonly type: "text"; readonly text: string } | { readonly type: "image"; readonly image: string };

/** A user's turn as the project encodes it, pictures read from the golden folder. */
export async function encodeMessage(
  { processor }: Pick<LoadedModel, "processor">,
  parts: readonly GoldenPart[],
): Promise<{ readonly text: string; readonly prompt: EncodedPrompt }> {
  const files = parts.flatMap((part) => (part.type === "image" ? [join(goldenDir(), "images", part.image)] : []));
  const pictures = await Promise.all(files.map((file) => loadPicture(file)));
  const content = parts.map((part) => (part.type === "image" ? { type: "image" as const } : part));
  const messages = [{ role: "user", content }];
  return { text: processor.renderPrompt({ messages }), prompt: processor.encodePrompt({ messages }, pictures) };
}

/** The golden pixels of a case, cut into its pictures. */
export function goldenPictures(pixelValues: GoldenTensor, grids: readonly (readonly number[])[]): EncodedPicture[] {
  const width = pixelValues.shape[1] ?? 0;
  let row = 0;
  return grids.map(([time = 1, height = 0, columns = 0]) => {
    const rows = time * height * columns;
    const pixels = Float32Array.from(pixelValues.data.subarray(row * width, (row + rows) * width));
    row += rows;
    const grid = [time, height, columns] as const;
    return { hash: hashPixels(grid, pixels), grid, pixels };
  });
}

/** Row `row` of a golden [B, width] tensor of integers, where the mask's row is 1. */
export function maskedRow(
  values: GoldenTensor,
  mask: GoldenTensor,
  row: number,
  from = 0,
  to = values.shape[1] ?? 0,
): number[] {
  const width = values.shape[1] ?? 0;
  return Array.from({ length: to - from }, (_, i) => row * width + from + i).flatMap((at) =>
    mask.data[at] === 1 ? [values.data[at] ?? NaN] : [],
  );
}

/** The prompts with the golden completions as responses, one each. */
export function completionBatch(
  prompts: readonly EncodedPrompt[],
  ids: GoldenTensor,
  mask: GoldenTensor,
): LearnerBatch {
  return {
    prompts,
    rows: prompts.map((_, prompt) => ({ prompt, tokens: Int32Array.from(maskedRow(ids, mask, prompt)) })),
    temperature: 1,
  };
}

/** The most likely tokens, no stops and no bans, one response a prompt. */
export async function sampleGreedily(
  { runtime }: Pick<LoadedModel, "runtime">,
  prompts: readonly EncodedPrompt[],
  maxNewTokens: number,
): Promise<GeneratedResponse[]> {
  const responses: GeneratedResponse[] = [];
  const settings = { temperature: 0, topP: 1, topK: 0, maxNewTokens, stopTokens: [], bannedTokens: [] };
  const requests = prompts.map((prompt) => ({ prompt, count: 1, keys: [[0, 0] as const] }));
  await new OnnxRolloutEngine(runtime).generate(requests, settings, (response) => responses.push(response));
  if (responses.length !== prompts.length)
    throw new Error(`${prompts.length} prompts were sampled from, and ${responses.length} responses came`);
  return responses;
}

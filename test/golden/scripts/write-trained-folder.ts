/**
 * Trains one step on a model case of a golden folder, writes the model, and writes what check_in_transformers.py
 * compares: the written folder's log-probs, as this project computes them after reading it back.
 *
 * usage: GOLDEN_DIR=<folder> node --import tsx test/golden/scripts/write-trained-folder.ts <model>.<case> <output>
 * [F32|F16|BF16] [shard bytes] then:  python check_in_transformers.py <output>/model <output>/row0.json
 */
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { loadModelFolder, saveModelFolder } from "../../../core/model/files/folder.ts";
import { createModel } from "../../../core/model/registry.ts";
import { ModelRuntime } from "../../../core/model/runtime.ts";
import { completionBatch, createLearner, encodeMessage, type GoldenPart, loadModel } from "../loaded-model.ts";
import { goldenDir, goldenJson, goldenTensors, tensorOf } from "../support.ts";

const [name = "", output = "", type = "F32", shardBytes = "5000000000"] = process.argv.slice(2);
const info = goldenJson<{ readonly messages: readonly (readonly GoldenPart[])[] }>(`models/${name}.json`);
const tensors = await goldenTensors(`models/${name}.safetensors`);
if (!info || !tensors) throw new Error(`${goldenDir()} has no case models/${name}`);

const model = await loadModel(name.slice(0, name.lastIndexOf(".")));
const prompts = await Promise.all(info.messages.map(async (parts) => (await encodeMessage(model, parts)).prompt));
const batch = completionBatch(prompts, tensorOf(tensors, "completion_ids"), tensorOf(tensors, "completion_mask"));
const learner = createLearner(model, 4096);
const count = batch.rows.reduce((total, { tokens }) => total + tokens.length, 0);
await learner.backward(batch, {
  logProbs: Float32Array.from(tensorOf(tensors, "completion_mask").data, (m) => -m / count),
});
const { gradientNorm } = await learner.step({ learningRate: 1e-3 });

await mkdir(output, { recursive: true });
const folder = join(output, "model");
await saveModelFolder(folder, {
  weights: model.runtime.weights(),
  source: model.folder,
  overwrite: true,
  type: type as "F32" | "F16" | "BF16",
  maxShardBytes: Number(shardBytes),
});
const { config, weights } = await loadModelFolder(folder, (described) => createModel(described).parameters);
const written = { ...model, runtime: new ModelRuntime(createModel(config), weights, model.runtime.executor) };
const { logProbs = new Float32Array() } = await createLearner(written, 4096).score(batch, ["logProbs"]);
const T = logProbs.length / batch.rows.length;
for (const [row, parts] of info.messages.entries()) {
  const images = parts.flatMap((part) => (part.type === "image" ? [part.image] : []));
  for (const image of images) await copyFile(join(goldenDir(), "images", image), join(output, image));
  const completion = [...(batch.rows[row]?.tokens ?? [])];
  const prompt = parts.map((part) => (part.type === "image" ? "<image>" : part.text)).join("");
  const entry = { prompt, images, completion, logProbs: [...logProbs.subarray(row * T, row * T + completion.length)] };
  await writeFile(join(output, `row${row}.json`), JSON.stringify(entry));
}
console.log(`wrote ${folder} (gradient norm ${gradientNorm.toFixed(4)}) and ${info.messages.length} cases`);

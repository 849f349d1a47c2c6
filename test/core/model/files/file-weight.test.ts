import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { DeviceArray, Executor, FileType } from "../../../../core/graph/executor.ts";
import { OnnxExecutor } from "../../../../core/graph/onnx/executor.ts";
import type { XlaOptions } from "../../../../core/graph/xla/executor.ts";
import { loadXla, xlaSetup } from "../../../../core/graph/xla/client/plugin.ts";
import { GraphLearner } from "../../../../core/learner/graph-learner.ts";
import type { ModelConfig } from "../../../../core/model/files/config.ts";
import { FileWeight, HeldFile } from "../../../../core/model/files/file-weight.ts";
import { loadModelFolder, saveModelFolder } from "../../../../core/model/files/folder.ts";
import { type WeightType, writeSafetensors } from "../../../../core/model/files/safetensors-write.ts";
import { createModel } from "../../../../core/model/registry.ts";
import { ModelRuntime } from "../../../../core/model/runtime.ts";
import { OnnxRolloutEngine } from "../../../../core/rollout/onnx-engine.ts";
import { relativeError } from "../../../golden/support.ts";

const tiny = fileURLToPath(new URL("../../../golden/cases/models/tiny", import.meta.url));
const trained = new Set([
  "model.language_model.layers.1.mlp.down_proj.weight",
  "model.language_model.layers.0.self_attn.q_proj.bias",
]);
const prompt = { ids: Int32Array.of(5, 6, 7, 8), pictures: [] };
const batch = {
  prompts: [prompt],
  rows: [
    { prompt: 0, tokens: Int32Array.of(9, 10, 11) },
    { prompt: 0, tokens: Int32Array.of(9, 12) },
  ],
  temperature: 1,
};
const unused = () => Promise.reject(new Error("nothing is saved"));

let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "file-weight-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const bytes = ({ buffer, byteOffset, byteLength }: Float32Array): Buffer => Buffer.from(buffer, byteOffset, byteLength);

async function folderOf(type: WeightType, name: string = type): Promise<string> {
  const folder = join(root, name);
  const { weights } = await loadModelFolder(tiny, (config) => createModel(config).parameters);
  await saveModelFolder(folder, { source: tiny, weights, type, maxShardBytes: 300_000 }).catch((error: unknown) => {
    if (!String(error).includes("holds files already")) throw error;
  });
  return folder;
}

/** The type that a weight has on OpenXLA's device. */
function typeOnDevice(runtime: ModelRuntime, { device }: Executor, name: string): string {
  const array = device!.share(runtime.onDevice(name));
  const { type } = (device as unknown as { held(array: DeviceArray, input: string): { type: string } }).held(
    array,
    name,
  );
  device!.free(array);
  return type;
}

/** Log-probs, gradients of what is trained, and greedy tokens, the head in chunks, layers computed again. */
async function used(folder: string, inFiles: boolean, executor: Executor = new OnnxExecutor({ threads: 1 })) {
  const { config, weights } = await loadModelFolder(
    folder,
    (described) => createModel(described).parameters,
    (name) => inFiles && !trained.has(name),
  );
  const runtime = new ModelRuntime(createModel(config), weights, executor, { trained });
  const optimizer = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, maxGradientNorm: 1, freeze: [] };
  const learner = new GraphLearner(runtime, {
    optimizer,
    microbatchTokens: 4096,
    recompute: true,
    vocabularyChunk: 200,
    store: { write: unused, restore: unused },
  });
  const { logProbs } = await learner.score(batch, ["logProbs"]);
  await learner.backward(batch, { logProbs: Float32Array.of(1, -1, 0.5, 2, 1, 0) });
  const gradients = [...learner.gradients].map(([name, data]) => [name, data.slice()] as const);
  const tokens: Int32Array[] = [];
  const sampling = { temperature: 0, topP: 1, topK: 0, maxNewTokens: 6, stopTokens: [], bannedTokens: [] };
  // With a copy of the weights, and with weights where they are.
  for (const copyBytes of executor.device === undefined ? [2 ** 30, 0] : [0])
    await new OnnxRolloutEngine(runtime, { copyBytes }).generate(
      [{ prompt, count: 1, keys: [[0, 0]] }],
      sampling,
      (response) => tokens.push(response.tokens),
    );
  await learner.release();
  const types = new Set(
    [...weights].flatMap(([name, weight]) =>
      weight instanceof FileWeight && executor.device !== undefined ? [typeOnDevice(runtime, executor, name)] : [],
    ),
  );
  await runtime.release();
  await executor.close?.();
  return { weights, logProbs: logProbs!, gradients, tokens, types };
}

test.each<WeightType>(["F32", "F16", "BF16"])(
  "weights that stay in files of %s are read as they are loaded",
  async (type) => {
    const folder = await folderOf(type);
    const shapesOf = (config: ModelConfig) => createModel(config).parameters;
    const [loaded, inFiles] = await Promise.all([
      loadModelFolder(folder, shapesOf),
      loadModelFolder(folder, shapesOf, () => true),
    ]);
    for (const [name, { data }] of inFiles.weights)
      expect(bytes(data).equals(bytes(loaded.weights.get(name)!.data)), name).toBe(true);
  },
);

test("what is computed with weights in files is what is computed with loaded ones", async () => {
  const folder = await folderOf("BF16");
  const [loaded, inFiles] = [await used(folder, false), await used(folder, true)];
  expect([...inFiles.weights.values()].filter((weight) => weight instanceof FileWeight)).toHaveLength(
    inFiles.weights.size - trained.size,
  );
  expect(relativeError(inFiles.logProbs, loaded.logProbs)).toBeLessThan(1e-6);
  expect(inFiles.gradients.map(([name]) => name)).toEqual(loaded.gradients.map(([name]) => name));
  inFiles.gradients.forEach(([name, data], i) =>
    expect(relativeError(data, loaded.gradients[i]![1]), name).toBeLessThan(1e-6),
  );
  expect(inFiles.tokens).toEqual(loaded.tokens);
  expect(loaded.tokens[1]).toEqual(loaded.tokens[0]);
});

test("another file under the name is told before it is read", async () => {
  const folder = await folderOf("BF16");
  const { config, weights } = await loadModelFolder(
    folder,
    (described) => createModel(described).parameters,
    () => true,
  );
  const held = weights.get("model.language_model.embed_tokens.weight") as FileWeight;
  const before = held.data;
  await rm(held.file.path);
  await writeFile(held.file.path, "something else");
  expect(bytes(held.data).equals(bytes(before))).toBe(true);
  const runtime = new ModelRuntime(createModel(config), weights, new OnnxExecutor({ threads: 1 }), {
    trained: new Set(),
  });
  await expect(
    runtime.compile((graph, parameters) => graph.output("embedded", createModel(config).decoder.head(parameters))),
  ).rejects.toThrow("is another file than the one this run was started with");
});

test.skipIf(xlaSetup() === null).each<XlaOptions>([{}, { devices: 2 }, { precision: "bfloat16" }])(
  "frozen weights keep the file's bfloat16 on OpenXLA's device, and compute the same: %o",
  async (options) => {
    const folder = await folderOf("BF16", "xla");
    const [loaded, inFiles] = [await used(folder, false, loadXla(options)), await used(folder, true, loadXla(options))];
    expect([[...loaded.types], [...inFiles.types]]).toEqual([[], ["bf16"]]);
    expect(relativeError(inFiles.logProbs, loaded.logProbs)).toBeLessThan(1e-6);
    const gradients = new Map(loaded.gradients);
    for (const [name, gradient] of inFiles.gradients)
      expect([name, relativeError(gradient, gradients.get(name)!)]).toEqual([name, expect.closeTo(0, 5)]);
    expect(inFiles.tokens).toEqual(loaded.tokens);
  },
  300_000,
);

test.each<FileType>(["BF16", "F32"])(
  "%s in a file is written chunk by chunk, and the same to the bit",
  async (type) => {
    const [width, count] = [type === "F32" ? 4 : 2, 9_000_001];
    const stored = Buffer.alloc(width * count);
    const numbers =
      type === "F32"
        ? new Float32Array(stored.buffer, stored.byteOffset, count)
        : new Uint16Array(stored.buffer, stored.byteOffset, count);
    for (let i = 0; i < count; i++) numbers[i] = (i * 2_654_435_761) % 0x7f80;
    const path = join(root, `chunks.${type}`);
    await writeFile(path, stored);
    const source = new FileWeight(
      { name: "w", shape: [count], type, file: path, start: 0, end: stored.length },
      new HeldFile(path),
    ).source();
    const written = join(root, `chunks.${type}.safetensors`);
    await writeSafetensors(written, new Map([["w", source]]), { type });
    expect((await readFile(written)).subarray(-stored.length).equals(stored)).toBe(true);
    const parts = "parts" in source ? [...source.parts()].map((part) => part.length) : [];
    expect([Math.max(...parts), parts.reduce((a, b) => a + b, 0)]).toEqual([2 ** 24 / width, count]);
    const shorter = { ...source, shape: [count + 1] };
    await expect(writeSafetensors(written, new Map([["w", shorter]]), { type })).rejects.toThrow(
      `"w": its shape [${count + 1}] holds ${count + 1} values, its data ${count}`,
    );
  },
);

test("the first number that is not finite is found in every type and place, and no finite one is taken for it", async () => {
  const sixteen = Array.from({ length: 2 ** 16 }, (_, bits) => bits);
  const wide = [0, 1, 0x3f800000, 0x7f7fffff, 0xff7fffff, 0x00ffffff, 0x7f000000, 0x80000000];
  const types = { BF16: 0x7f80, F16: 0x7c00, F32: 0x7f800000 } as const;
  for (const [type, exponent] of Object.entries(types)) {
    const Words = type === "F32" ? Uint32Array : Uint16Array;
    const finite = (type === "F32" ? wide : sixteen).filter((bits) => (bits & exponent) !== exponent);
    const found = async (numbers: readonly number[], skipped = 0): Promise<number> => {
      const words = Words.from([...Array.from({ length: skipped }, () => exponent), ...numbers]);
      const path = join(root, `numbers-${type}-${numbers.length}-${skipped}`);
      await writeFile(path, words);
      const start = skipped * Words.BYTES_PER_ELEMENT;
      const entry = {
        name: "numbers",
        type: type as FileType,
        file: path,
        shape: [numbers.length],
        start,
        end: start + numbers.length * Words.BYTES_PER_ELEMENT,
      };
      return new FileWeight(entry, new HeldFile(path)).firstNotFinite();
    };
    expect(await found(finite)).toBe(-1);
    expect(await found(finite.slice(0, finite.length - 1), 1)).toBe(-1);
    const top = type === "F32" ? 0x80000000 : 0x8000;
    for (const bits of [exponent, exponent + top, exponent + 1, 2 * top - 1]) {
      for (const place of [0, 1, 2, 3, 4])
        expect(await found([1, 2, 3, 4, 5].map((value, i) => (i === place ? bits : value)))).toBe(place);
    }
  }
});

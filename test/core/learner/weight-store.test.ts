import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { OnnxExecutor } from "../../../core/graph/onnx/executor.ts";
import { type CheckpointType, modelStore } from "../../../core/learner/weight-store.ts";
import { loadModelFolder } from "../../../core/model/files/folder.ts";
import { readFolderEntries } from "../../../core/model/files/safetensors.ts";
import { createModel } from "../../../core/model/registry.ts";
import { ModelRuntime } from "../../../core/model/runtime.ts";
import { newFolder, removeFolders, tinyModel } from "../../trust/support.ts";

afterAll(removeFolders);

const frozen = "model.visual.blocks.0.attn.qkv.weight";

async function runtimeOf(folder: string): Promise<ModelRuntime> {
  const { config, weights } = await loadModelFolder(folder, (described) => createModel(described).parameters);
  return new ModelRuntime(createModel(config), weights, new OnnxExecutor({ threads: 1 }), {
    trained: new Set([...weights.keys()].filter((name) => name !== frozen)),
  });
}

/** Weights that no half-precision type holds, ties between two of bfloat16's among them. */
function disturb(runtime: ModelRuntime): void {
  for (const { data } of runtime.trained().values())
    data.forEach((value, i) => (data[i] = value * (1 + 1e-3 * Math.sin(i))));
  const words = new Uint32Array(runtime.trained().get("model.language_model.norm.weight")!.data.buffer);
  words.set([0x3f808000, 0x3f818000, 0xbf808000, 0xbf818000, 0x3f808001, 0x3f817fff, 0x3f80ffff]);
}

test.each<[CheckpointType, string, number]>([
  ["float32", "F32", 0],
  ["bfloat16", "BF16", 2],
  ["float16", "F16", 4],
  ["input", "F32", 4],
])(
  "weights written as %s come back to the bit, and an export holds nothing beside the model",
  async (type, stored, bytes) => {
    const [own, other, folder, exported] = [
      await runtimeOf(tinyModel),
      await runtimeOf(tinyModel),
      newFolder(),
      newFolder(),
    ];
    disturb(own);
    const store = modelStore(own, tinyModel, type);
    await store.write(folder, true);
    await store.write(exported, false);
    expect([...(await readFolderEntries(join(folder, "model"))).values()].every((entry) => entry.type === stored)).toBe(
      true,
    );
    const exact = statSync(join(folder, "exact.safetensors"), { throwIfNoEntry: false });
    const trained = [...own.trained().values()].reduce((sum, { data }) => sum + data.length, 0);
    if (bytes === 0) expect(exact).toBeUndefined();
    else expect(Math.round(exact!.size / trained)).toBe(bytes);
    expect(statSync(join(exported, "exact.safetensors"), { throwIfNoEntry: false })).toBeUndefined();
    expect(readFileSync(join(exported, "model", "config.json"), "utf8")).toContain(
      type === "bfloat16" ? '"bfloat16"' : type === "float16" ? '"float16"' : '"float32"',
    );
    // A checkpoint says itself how it holds them: the setting of a resumed run may be another one.
    await modelStore(other, tinyModel).restore(folder);
    for (const [name, { data }] of own.trained())
      expect(Buffer.from(data.buffer).equals(Buffer.from(other.trained().get(name)!.data.buffer)), name).toBe(true);
  },
);

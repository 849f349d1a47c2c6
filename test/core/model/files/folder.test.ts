import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadModelFolder, saveModelFolder } from "../../../../core/model/files/folder.ts";
import { readFolderEntries, readSafetensorsHeader } from "../../../../core/model/files/safetensors.ts";
import { writeSafetensors } from "../../../../core/model/files/safetensors-write.ts";
import { qwenTensorNames } from "../../../../core/model/families/qwen/folder.ts";
import type { ModelFolder, Shapes } from "../../../../core/model/files/folder.ts";
import type { Weights } from "../../../../core/model/model.ts";

const models = join(import.meta.dirname, "../../../golden/cases/models");
const tiny = join(models, "tiny");

let folder: string;
let shapes: Shapes;
let loaded: ModelFolder;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "folder-"));
  shapes = new Map(
    [...(await readFolderEntries(tiny)).values()].map(({ name, shape }) => [qwenTensorNames.canonical(name), shape]),
  );
  loaded = await loadModelFolder(tiny, () => shapes);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const fresh = () => mkdtemp(join(folder, "m-"));
const withConfig = async (target: string, edit: (json: Record<string, unknown>) => Record<string, unknown>) => {
  const json = JSON.parse(await readFile(join(tiny, "config.json"), "utf8")) as Record<string, unknown>;
  await writeFile(join(target, "config.json"), JSON.stringify(edit(json)));
};

describe("names", () => {
  test.each([
    ["model.layers.0.mlp.up_proj.weight", "model.language_model.layers.0.mlp.up_proj.weight"],
    ["model.norm.weight", "model.language_model.norm.weight"],
    ["visual.blocks.0.norm1.weight", "model.visual.blocks.0.norm1.weight"],
    ["lm_head.weight", "lm_head.weight"],
    ["model.language_model.norm.weight", "model.language_model.norm.weight"],
    ["model.visual.merger.ln_q.weight", "model.visual.merger.ln_q.weight"],
  ])("%s", (stored, canonical) => expect(qwenTensorNames.canonical(stored)).toBe(canonical));
});

describe("loading", () => {
  test("gives float32 weights under the names of the gradients in the goldens", async () => {
    const golden = JSON.parse(await readFile(join(models, "tiny.p1_one_image.json"), "utf8")) as {
      grad_norms_f32: object;
    };
    expect([...loaded.weights.keys()].sort()).toEqual(Object.keys(golden.grad_norms_f32).sort());
    expect([...loaded.weights.keys()]).toEqual([...shapes.keys()]);
    expect(loaded.type).toBe("F32");
    expect(loaded.config.text.hiddenSize).toBe(128);
  });

  test("lists what is missing, unexpected and misshapen", async () => {
    const wanted = new Map(shapes);
    wanted.delete("model.language_model.norm.weight");
    wanted.set("model.visual.extra.weight", [3]);
    wanted.set("model.visual.merger.ln_q.weight", [65]);
    await expect(loadModelFolder(tiny, () => wanted)).rejects.toThrow(
      /tiny are not those that .*missing: model.visual.extra.weight; unexpected: model.norm.weight; of another shape: model.visual.merger.ln_q.weight is \[64\], not \[65\]/,
    );
    const many = new Map([...shapes].map(([name, shape]) => [`${name}x`, shape]));
    await expect(loadModelFolder(tiny, () => many)).rejects.toThrow(/and \d+ more; unexpected: /);
  });

  /** A model of two tensors and perhaps more. */
  async function small(
    extra: Weights,
    edit: (json: Record<string, unknown>) => Record<string, unknown> = (json) => json,
  ): Promise<string> {
    const target = await fresh();
    await withConfig(target, edit);
    await writeSafetensors(
      join(target, "model.safetensors"),
      new Map([["model.embed_tokens.weight", { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }], ...extra]),
    );
    return target;
  }
  const smallShapes = new Map([["model.language_model.embed_tokens.weight", [2, 2]]]);

  test("a tied head may be stored if it equals the embedding, and tables of frequencies are passed over", async () => {
    const head = { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) };
    const equal = await small(
      new Map([
        ["lm_head.weight", head],
        ["model.layers.0.self_attn.rotary_emb.inv_freq", { shape: [1], data: Float32Array.of(1) }],
      ]),
    );
    expect([...(await loadModelFolder(equal, () => smallShapes)).weights.keys()]).toEqual([
      "model.language_model.embed_tokens.weight",
    ]);
    const other = await small(new Map([["lm_head.weight", { shape: [2, 2], data: Float32Array.of(1, 2, 3, 5) }]]));
    await expect(loadModelFolder(other, () => smallShapes)).rejects.toThrow(
      /differs from the embedding, .* set tie_word_embeddings to false/,
    );
  });

  test("an untied head is a weight of its own", async () => {
    const head = { shape: [2, 2], data: Float32Array.of(9, 8, 7, 6) };
    const target = await small(new Map([["lm_head.weight", head]]), (json) => ({
      ...json,
      tie_word_embeddings: false,
      text_config: { ...(json["text_config"] as object), tie_word_embeddings: false },
    }));
    const { weights } = await loadModelFolder(target, () => new Map([...smallShapes, ["lm_head.weight", [2, 2]]]));
    expect(weights.get("lm_head.weight")!.data).toEqual(head.data);
  });

  test("one tensor under two names is refused", async () => {
    const twice = await small(
      new Map([["model.language_model.embed_tokens.weight", { shape: [2, 2], data: new Float32Array(4) }]]),
    );
    await expect(loadModelFolder(twice, () => smallShapes)).rejects.toThrow(/one tensor under two names/);
  });
});

describe("saving", () => {
  test("a copy has the same weights, names and files", async () => {
    const target = join(folder, "copies/one");
    await saveModelFolder(target, { weights: loaded.weights, source: tiny });
    expect((await readdir(target)).sort()).toEqual((await readdir(tiny)).sort());
    for (const name of await readdir(tiny)) {
      expect((await readFile(join(target, name))).equals(await readFile(join(tiny, name))), name).toBe(true);
    }
    expect(await readdir(join(folder, "copies"))).toEqual(["one"]);
  });

  test.each(["tiny", "tiny-flat-config"])("shards in bfloat16, and says so in the config of %s", async (name) => {
    const target = await fresh();
    await saveModelFolder(target, {
      weights: loaded.weights,
      source: join(models, name),
      type: "BF16",
      maxShardBytes: 500_000,
    });
    const files = (await readdir(target)).filter((file) => file.startsWith("model"));
    expect(files).toContain("model.safetensors.index.json");
    expect(files.length).toBeGreaterThan(3);
    const config = await readFile(join(target, "config.json"), "utf8");
    expect(config).toBe((await readFile(join(models, name, "config.json"), "utf8")).replace("float32", "bfloat16"));
    const back = await loadModelFolder(target, () => shapes);
    expect(back.type).toBe("BF16");
    for (const [parameter, { data }] of loaded.weights) {
      const read = back.weights.get(parameter)!.data;
      expect(
        data.every((value, i) => Math.abs(value - read[i]!) <= Math.abs(value) / 256),
        parameter,
      ).toBe(true);
    }
  });

  test("keeps the longer names where the source has them", async () => {
    const source = await fresh();
    await cp(join(tiny, "config.json"), join(source, "config.json"));
    await writeSafetensors(join(source, "model.safetensors"), loaded.weights);
    const target = join(folder, "long");
    await saveModelFolder(target, { weights: loaded.weights, source });
    expect([...(await readSafetensorsHeader(join(target, "model.safetensors"))).entries.keys()].sort()).toEqual(
      [...shapes.keys()].sort(),
    );
  });

  test("from files, with the hub's names, and a dtype where there was none", async () => {
    const target = join(folder, "made");
    const files = new Map<string, string>([
      ["config.json", '{\n  "model_type": "qwen2_5_vl"\n}'],
      ["notes.txt", "kept"],
    ]);
    await saveModelFolder(target, { weights: loaded.weights, source: files, type: "F16" });
    expect(
      (await readSafetensorsHeader(join(target, "model.safetensors"))).entries.has("visual.merger.ln_q.weight"),
    ).toBe(true);
    expect(JSON.parse(await readFile(join(target, "config.json"), "utf8"))).toEqual({
      dtype: "float16",
      model_type: "qwen2_5_vl",
    });
    expect(await readFile(join(target, "notes.txt"), "utf8")).toBe("kept");
  });

  test("overwrites only when asked, then leaves no old shard and no foreign file touched", async () => {
    const target = await fresh();
    await saveModelFolder(target, { weights: loaded.weights, source: tiny, maxShardBytes: 1_000_000 });
    await writeFile(join(target, "README.md"), "mine");
    await expect(saveModelFolder(target, { weights: loaded.weights, source: tiny })).rejects.toThrow(
      /holds files already/,
    );
    await saveModelFolder(target, { weights: loaded.weights, source: target, overwrite: true });
    expect((await readdir(target)).filter((file) => file.startsWith("model"))).toEqual(["model.safetensors"]);
    expect(await readFile(join(target, "README.md"), "utf8")).toBe("mine");
  });

  test("weights that are not the source's are refused, and nothing is left behind", async () => {
    const parent = await fresh();
    const weights: Weights = new Map([...loaded.weights].slice(1));
    await expect(saveModelFolder(join(parent, "new"), { weights, source: tiny })).rejects.toThrow(
      /are not those to be saved; unexpected: model.embed_tokens.weight/,
    );
    const broken: Weights = new Map([["w", { shape: [3], data: new Float32Array(2) }]]);
    await expect(
      saveModelFolder(join(parent, "new"), {
        weights: broken,
        source: new Map([["config.json", '{"model_type": "qwen2_5_vl"}']]),
      }),
    ).rejects.toThrow(/holds 3 values/);
    expect(await readdir(parent)).toEqual([]);
    await mkdir(join(parent, "bare"));
    await expect(saveModelFolder(join(parent, "new"), { weights, source: join(parent, "bare") })).rejects.toThrow(
      /holds no config.json/,
    );
  });
});

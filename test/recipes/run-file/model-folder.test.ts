import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { writeManifest } from "../../../core/checkpoint/manifest.ts";
import { modelFolder } from "../../../recipes/run-file/model-folder.ts";
import { temporaryFolder } from "../../support/bandit.ts";

const file = (path: string, content = "{}"): void => {
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, content);
};

/** A checkpoint that a run has finished writing, with one file of its policy. */
const checkpoint = (folder: string, path: string, content = "{}"): void => {
  file(join(folder, "policy", path), content);
  file(join(folder, "state.json"), '{"format":2}');
  writeManifest(folder);
};

test("a model folder, a checkpoint and a run have a model", () => {
  const root = temporaryFolder();
  const model = join(root, "run", "checkpoints", "step-20", "policy", "model");
  checkpoint(join(root, "run", "checkpoints", "step-20"), "model/config.json");
  checkpoint(join(root, "run", "checkpoints", "step-10"), "model/config.json");
  for (const path of [model, join(root, "run", "checkpoints", "step-20"), join(root, "run")])
    expect(modelFolder(path)).toBe(model);
});

test("a name on the hub, a missing folder, a file, an adapter and a folder of other things are told apart", () => {
  const root = temporaryFolder();
  const name = "Qwen/Qwen2.5-VL-3B-Instruct";
  expect(() => modelFolder(join(root, name), name)).toThrow(
    `"${name}" looks like a name on the Hugging Face hub; nothing is downloaded here: hf download ${name} --local-dir models/Qwen2.5-VL-3B-Instruct`,
  );
  expect(() => modelFolder(join(root, "models", "absent"), "./models/absent")).toThrow(
    /^There is no model folder .*models\/absent$/,
  );
  mkdirSync(join(root, "models"));
  // The folder above is there: a slip, and no name on the hub.
  expect(() => modelFolder(join(root, "models", "absent"), "models/absent")).toThrow(
    /^There is no model folder .*models\/absent$/,
  );
  file(join(root, "weights.gguf"));
  expect(() => modelFolder(join(root, "weights.gguf"))).toThrow(
    "weights.gguf is a file; a model is a folder with config.json, tokenizer and weights",
  );
  file(join(root, "adapter", "adapter_config.json"), JSON.stringify({ base_model_name_or_path: name }));
  expect(() => modelFolder(join(root, "adapter"))).toThrow(
    new RegExp(`adapter is an adapter of ${name}, not a model: give the base's folder as the model`),
  );
  checkpoint(join(root, "tuned", "checkpoints", "step-4"), "adapter/adapter_config.json");
  expect(() => modelFolder(join(root, "tuned"))).toThrow(/step-4\/policy\/adapter is an adapter, not a model/);
  file(join(root, "broken", "adapter_config.json"), "{");
  expect(() => modelFolder(join(root, "broken"))).toThrow("broken is an adapter, not a model");
  file(join(root, "other", "readme.md"));
  expect(() => modelFolder(join(root, "other"))).toThrow(/no config\.json in it, it holds readme\.md$/);
  mkdirSync(join(root, "empty"));
  expect(() => modelFolder(join(root, "empty"))).toThrow(/it holds nothing$/);
});

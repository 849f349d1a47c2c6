import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { adaptedModel, loadAdapterFolder } from "../../../../core/model/files/adapter-folder.ts";
import { loadModelFolder, saveModelFolder } from "../../../../core/model/files/folder.ts";
import { mergedWeights } from "../../../../core/model/lora/merge.ts";
import { mergeAdapters } from "../../../../core/model/lora/merge-folder.ts";
import { createModel } from "../../../../core/model/registry.ts";
import { newFolder, removeFolders, tinyModel } from "../../../trust/support.ts";

afterAll(removeFolders);

const adapters = ["patterns", "vision"].map((name) =>
  fileURLToPath(new URL(`../../../golden/cases/lora/adapters/${name}`, import.meta.url)),
);

test("adapters are merged one after the other, into the base's type by default; the base must be there", async () => {
  const folder = newFolder();
  const base = await loadModelFolder(tinyModel, (config) => createModel(config).parameters);
  await saveModelFolder(join(folder, "bf16"), { source: tinyModel, weights: base.weights, type: "BF16" });
  await mergeAdapters(join(folder, "exact"), { adapters, base: tinyModel });
  await mergeAdapters(join(folder, "rounded"), { adapters, base: join(folder, "bf16") });
  const load = (name: string) => loadModelFolder(join(folder, name), (config) => createModel(config).parameters);
  const [exact, rounded] = [await load("exact"), await load("rounded")];
  const loaded = await Promise.all(
    adapters.map((adapter) => loadAdapterFolder(adapter, "", adaptedModel(base.config))),
  );
  const expected = mergedWeights(base.weights, loaded);
  for (const [name, { data }] of expected) expect(exact.weights.get(name)!.data, name).toEqual(data);
  const touched = [...expected]
    .filter(([name, { data }]) => data !== base.weights.get(name)!.data)
    .map(([name]) => name);
  expect(touched.sort()).toEqual([...new Set(loaded.flatMap(({ adapter }) => [...adapter.weights.keys()]))].sort());
  expect([exact.type, rounded.type]).toEqual(["F32", "BF16"]);
  await expect(mergeAdapters(join(folder, "none"), { adapters })).rejects.toThrow("models/tiny holds no config.json");
});

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { families } from "../../core/model/registry.ts";
import { testFamily } from "./family-contract.ts";

const models = join(import.meta.dirname, "../golden/cases/models");

/** The smallest folder of each family among the golden ones. */
const folders: Readonly<Record<string, string>> = {
  qwen2_5_vl: "small",
  qwen3_vl: "qwen3_vl",
  qwen2_vl: "qwen2_vl",
  smolvlm: "smolvlm",
  idefics3: "idefics3",
};

test("every family has a folder to be tested with", () => {
  expect(Object.keys(folders).sort()).toEqual(families.map(({ type }) => type).sort());
  for (const [type, name] of Object.entries(folders)) {
    expect(readdirSync(models)).toContain(name);
    expect(JSON.parse(readFileSync(join(models, name, "config.json"), "utf8"))).toMatchObject({ model_type: type });
  }
});

for (const [type, name] of Object.entries(folders)) testFamily(type, join(models, name));

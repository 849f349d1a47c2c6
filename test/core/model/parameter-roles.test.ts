import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { readModelConfig } from "../../../core/model/files/read-config.ts";
import { parameterRoles } from "../../../core/model/parameter-roles.ts";
import { createModel } from "../../../core/model/registry.ts";

const folder = fileURLToPath(new URL("../../golden/cases/models/tiny", import.meta.url));

test("linear layers are those of blocks, layers and merger: no embedding, convolution, norm, bias or head", async () => {
  const model = createModel(await readModelConfig(folder));
  const { linear, vision } = parameterRoles(model);
  const matrices = [...model.parameters]
    .filter(([name, shape]) => shape.length === 2 && !/embed/.test(name) && name !== "lm_head.weight")
    .map(([name]) => name);
  expect([...linear].sort()).toEqual(matrices.sort());
  expect([...vision].sort()).toEqual(
    [...model.parameters.keys()].filter((name) => name.startsWith("model.visual.")).sort(),
  );
});

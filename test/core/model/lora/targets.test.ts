import { expect, test } from "vitest";
import { targetedWeights, type Targets } from "../../../../core/model/lora/targets.ts";

const linear = new Set(
  [0, 1, 10].flatMap((layer) => [
    ...["q_proj", "v_proj"].map((name) => `model.language_model.layers.${layer}.self_attn.${name}.weight`),
    `model.language_model.layers.${layer}.mlp.up_proj.weight`,
    `model.visual.blocks.${layer}.attn.proj.weight`,
  ]),
);
const parameters = [
  "model.language_model.embed_tokens.weight",
  ...linear,
  "model.language_model.layers.0.input_layernorm.weight",
  "model.visual.patch_embed.proj.weight",
  "lm_head.weight",
];
const none: Targets = {
  targetModules: "all-linear",
  excludeModules: null,
  layersToTransform: null,
  layersPattern: null,
};
const select = (targets: Partial<Targets>): string[] =>
  targetedWeights("test", { ...none, ...targets }, parameters, linear);

test("endings, a pattern over the whole name, or all linear layers, less those that are excluded", () => {
  expect(select({})).toEqual([...linear]);
  expect(select({ targetModules: ["q_proj"] })).toEqual([...linear].filter((name) => name.includes("q_proj")));
  // An ending is of whole parts of the name; a pattern must fit all of it.
  expect(() => select({ targetModules: ["_proj"] })).toThrow(
    'the targets ["_proj"] fit no linear layer; endings there are: q_proj, v_proj, up_proj, proj',
  );
  expect(() => select({ targetModules: "layers" })).toThrow("fit no linear layer");
  expect(select({ targetModules: ".*\\.layers\\.(?P<layer>\\d+)\\.mlp\\.(up|down)_proj" })).toEqual(
    [...linear].filter((name) => name.includes("up_proj")),
  );
  expect(select({ excludeModules: ".*visual.*" })).toEqual([...linear].filter((name) => !name.includes("visual")));
  expect(select({ targetModules: ["q_proj", "v_proj"], excludeModules: ["v_proj"] })).toEqual(
    select({ targetModules: ["q_proj"] }),
  );
});

test("layers by number, which endings alone take", () => {
  const ofLayer = (layer: number, part: string) =>
    [...linear].filter((name) => name.includes(`.${layer}.`) && name.includes(part));
  expect(select({ targetModules: ["q_proj"], layersToTransform: 1 })).toEqual(ofLayer(1, "q_proj"));
  expect(select({ targetModules: ["q_proj"], layersToTransform: [0, 10] })).toEqual([
    ...ofLayer(0, "q_proj"),
    ...ofLayer(10, "q_proj"),
  ]);
  expect(select({ targetModules: ["q_proj"], layersToTransform: [1], layersPattern: "layers" })).toEqual(
    ofLayer(1, "q_proj"),
  );
  expect(() => select({ targetModules: ["q_proj"], layersToTransform: [1], layersPattern: ["blocks"] })).toThrow(
    "fit no linear layer",
  );
  expect(select({ targetModules: ".*q_proj", layersToTransform: 1 })).toEqual(select({ targetModules: ["q_proj"] }));
});

test("what is no linear layer, no pattern, or a pattern without end is told", () => {
  expect(() => select({ targetModules: ["proj"] })).toThrow(
    "the targets include model.visual.patch_embed.proj, which are no linear layers",
  );
  expect(select({ targetModules: ["proj"], excludeModules: ["patch_embed.proj"] })).toHaveLength(3);
  expect(() => select({ targetModules: ["lm_head", "embed_tokens"] })).toThrow(
    "model.language_model.embed_tokens, lm_head, which are no linear layers",
  );
  expect(() => select({ targetModules: "(q_proj" })).toThrow("test: targetModules is no regular expression");
  expect(() => select({ targetModules: "([a-z_.0-9]+)+!" })).toThrow("takes too long");
}, 15_000);

import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import type { FloatArray } from "../../../../core/graph/executor.ts";
import { gradient } from "../../../../core/graph/gradient.ts";
import { Graph, type Value } from "../../../../core/graph/graph.ts";
import { OnnxExecutor } from "../../../../core/graph/onnx/executor.ts";
import { createRandom } from "../../../../core/math/random.ts";
import { loadModelFolder } from "../../../../core/model/files/folder.ts";
import type { EncodedPicture } from "../../../../core/model/processing/picture.ts";
import { createModel } from "../../../../core/model/registry.ts";
import { relativeError } from "../../../golden/support.ts";

const folderOf = (name: string): string =>
  fileURLToPath(new URL(`../../../golden/cases/models/${name}`, import.meta.url));

/** Two pictures of patches of noise, one of two frames (or tiles), of sizes that the tower takes. */
function pictures(tile: number | null, numbers: number): EncodedPicture[] {
  const grids: EncodedPicture["grid"][] =
    tile === null
      ? [
          [2, 6, 10],
          [1, 4, 4],
        ]
      : [
          [3, tile, tile],
          [6, tile, tile],
        ];
  return grids.map((grid, index) => {
    const draws = createRandom(1).key("picture", index);
    const size = grid[0] * grid[1] * grid[2] * numbers;
    return {
      hash: String(index),
      grid,
      pixels: Float32Array.from({ length: size }, (_, i) => 2 * draws.uniform(i) - 1),
    };
  });
}

test.each(["tiny", "qwen2_vl", "qwen3_vl", "smolvlm", "idefics3"])(
  "the tower of %s gives the same features and gradients attending in blocks, and with rows of padding, as whole",
  async (name) => {
    const { config, weights } = await loadModelFolder(folderOf(name), (described) => createModel(described).parameters);
    const { vision } = createModel(config);
    const embedding = [...vision.parameters].find(([key]) => /patch_embed.*weight/.test(key))![1];
    const positions = [...vision.parameters].find(([key]) => key.includes("position_embedding"));
    const seen = pictures(
      positions === undefined ? null : Math.sqrt(positions[1][0]!),
      embedding.slice(1).reduce((a, b) => a * b, 1),
    );
    const run = async (inBlocks: boolean, recompute: boolean, padded = false) => {
      const graph = new Graph();
      const parameters = new Map<string, Value>();
      const read = (key: string): Value =>
        parameters.get(key) ?? parameters.set(key, graph.input(key, vision.parameters.get(key)!)).get(key)!;
      const features = vision.trace(graph, read, { inBlocks, one: recompute ? graph.input("one", [1]) : null });
      graph.output("features", features);
      const cotangent = graph.input("cotangent", features.shape);
      gradient([{ value: features, cotangent }], [...parameters.values()]).forEach((value, i) =>
        graph.output(`gradient of ${[...parameters.keys()][i]}`, value!),
      );
      const program = await new OnnxExecutor({ threads: 1 }).compile(graph);
      const pictureFeeds = vision.feeds(seen, { inBlocks, padded });
      const [rows, own] = [vision.rows(pictureFeeds), vision.order(seen).length];
      expect(rows > own, "some rows are padding").toBe(padded);
      const draws = createRandom(2).key("cotangent");
      const data = new Float32Array(rows * vision.featureWidth);
      for (let i = 0; i < own * vision.featureWidth; i++) data[i] = draws.uniform(i) - 0.5;
      const fed = Object.fromEntries([...parameters.keys()].map((key) => [key, weights.get(key)!]));
      const one = { shape: [1], data: Float32Array.of(1) };
      const results = await program.run({
        ...fed,
        ...pictureFeeds,
        one,
        cotangent: { shape: [rows, vision.featureWidth], data },
      });
      await program.release();
      const found: Record<string, FloatArray> = {
        ...results,
        features: { ...results["features"]!, data: results["features"]!.data.slice(0, own * vision.featureWidth) },
      };
      return found;
    };
    const whole = await run(false, false);
    const largest = Math.max(
      ...Object.values(whole).map(({ data }) => data.reduce((most, x) => Math.max(most, Math.abs(x)), 0)),
    );
    for (const [inBlocks, recompute, padded] of [
      [true, false, false],
      [true, true, false],
      [false, false, true],
    ] as const) {
      const blocks = await run(inBlocks, recompute, padded);
      expect(Object.keys(blocks)).toEqual(Object.keys(whole));
      for (const [output, { data }] of Object.entries(whole)) {
        // What is 0 but for rounding (the gradient of a bias of the keys) has no relative error.
        const size = data.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
        if (size > 1e-5 * largest)
          expect(relativeError(blocks[output]!.data as Float32Array, data as Float32Array), output).toBeLessThan(1e-5);
        else expect(Math.max(...blocks[output]!.data.map(Math.abs)), output).toBeLessThan(2e-5 * largest);
      }
    }
  },
);

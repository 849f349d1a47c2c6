import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createModel, familyOf } from "../../../../core/model/registry.ts";

interface PublishedSize {
  /** What of config.json decides shapes; the rest is left out, as a file may. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Numbers and tensors of the published model, and some shapes, counted by torch without allocation. */
  readonly parameters: number;
  readonly tensors: number;
  readonly shapes: Readonly<Record<string, readonly number[]>>;
}

const sizes = JSON.parse(readFileSync(join(import.meta.dirname, "published-sizes.json"), "utf8")) as Readonly<Record<string, PublishedSize>>;

describe.each(Object.entries(sizes))("%s", (_, { config, parameters, tensors, shapes }) => {
  test("has the published numbers, by shape alone", () => {
    const model = createModel(familyOf(config).parseConfig(config));
    const counts = [...model.parameters.values()].map((shape) => shape.reduce((product, size) => product * size, 1));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(parameters);
    expect(counts.length).toBe(tensors);
    for (const [name, shape] of Object.entries(shapes)) expect(model.parameters.get(name), name).toEqual(shape);
  });
});

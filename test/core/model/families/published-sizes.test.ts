import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { publishedConfig, publishedNames } from "../../../../core/model/published.ts";
import { createModel } from "../../../../core/model/registry.ts";

interface PublishedSize {
  /** Numbers and tensors of the published model, and some shapes, counted by torch without allocation. */
  readonly parameters: number;
  readonly tensors: number;
  readonly shapes: Readonly<Record<string, readonly number[]>>;
}

const sizes = JSON.parse(readFileSync(join(import.meta.dirname, "published-sizes.json"), "utf8")) as Readonly<
  Record<string, PublishedSize>
>;

test("every model that is known by name has its numbers here", () => {
  expect(publishedNames()).toEqual(Object.keys(sizes));
});

describe.each(Object.entries(sizes))("%s", (name, { parameters, tensors, shapes }) => {
  test("has the published numbers, by shape alone", () => {
    const model = createModel(publishedConfig(name)!);
    const counts = [...model.parameters.values()].map((shape) => shape.reduce((product, size) => product * size, 1));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(parameters);
    expect(counts.length).toBe(tensors);
    for (const [parameter, shape] of Object.entries(shapes))
      expect(model.parameters.get(parameter), parameter).toEqual(shape);
  });
});

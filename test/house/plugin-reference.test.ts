import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { projectFolder } from "./project-files.ts";

interface Member {
  readonly name: string;
  readonly type: string;
  readonly shape: string;
  readonly unit: string;
}

interface Generator {
  readTypes(): readonly {
    readonly name: string;
    readonly members: readonly Member[];
    readonly alternatives: readonly { readonly type: string; readonly text: string }[];
  }[];
  lacking(types: ReturnType<Generator["readTypes"]>): readonly string[];
  renderReference(types: ReturnType<Generator["readTypes"]>, hooks: unknown): string;
}

const scripts = new URL("../../docs/scripts/", import.meta.url);
const generator = (await import(new URL("generate-plugin-reference.mjs", scripts).href)) as Generator;
const { readHooks } = (await import(new URL("generate-hooks.mjs", scripts).href)) as {
  readHooks(): readonly { readonly args: readonly string[] }[];
};
const types = generator.readTypes();

test("docs/plugin-reference.md is what the types' declarations make (npm run docs)", () => {
  expect(readFileSync(`${projectFolder}docs/plugin-reference.md`, "utf8")).toBe(
    generator.renderReference(types, readHooks()),
  );
});

test("every member has a sentence, every number a unit, every array a shape", () => {
  expect(generator.lacking(types)).toEqual([]);
});

test("every type that a hook is given is on the page", () => {
  const named = new Set(readHooks().flatMap(({ args }) => args.flatMap((arg) => arg.match(/\b[A-Z]\w+/g) ?? [])));
  expect([...named].filter((name) => name !== "Tensor2D" && !types.some((type) => type.name === name))).toEqual([]);
});

test("shapes, units and comments of choices are read where they stand", () => {
  const member = (type: string, name: string): Member | undefined =>
    types.find((one) => one.name === type)?.members.find((one) => one.name === name);
  expect(member("Minibatch", "logProbs")).toMatchObject({ type: "Tensor2D", shape: "[B, T]", unit: "nats" });
  expect(member("Batch", "scoredRows(handle)")).toMatchObject({ shape: "[B, 1]", unit: "factor" });
  expect(member("WeightsCopy", "decay")).toMatchObject({ shape: "" });
  expect(types.find(({ name }) => name === "Reduction")?.alternatives[0]).toEqual({
    type: '"token_mean"',
    text: expect.stringMatching(/^Σ x·m/) as string,
  });
});

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { createHooks } from "../../core/contracts/hooks.ts";
import { projectFolder } from "./project-files.ts";

interface Generator {
  readHooks(): { readonly name: string; readonly kind: string }[];
  renderHooks(hooks: ReturnType<Generator["readHooks"]>): string;
}

const generator = (await import(new URL("../../docs/scripts/generate-hooks.mjs", import.meta.url).href)) as Generator;

test("docs/hooks.md is what the hooks' declarations make (npm run docs)", () => {
  expect(readFileSync(`${projectFolder}docs/hooks.md`, "utf8")).toBe(generator.renderHooks(generator.readHooks()));
});

test("the table lists the hooks of a run and no others, in their order", () => {
  expect(generator.readHooks().map(({ name }) => name)).toEqual(Object.keys(createHooks()));
});

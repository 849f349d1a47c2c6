import { readFileSync } from "node:fs";
import * as everything from "@papo/plugins";
import { expect, test } from "vitest";
import { catalogue } from "../../recipes/app/show/catalogue.ts";
import { projectFolder } from "./project-files.ts";

interface Generator {
  readPlugins(): Record<string, unknown>;
  readMethods(): unknown;
  renderCatalogue(plugins: Record<string, unknown>): string;
  renderPage(page: string, plugins: Record<string, unknown>, methods: unknown): string;
}

const generator = (await import(
  new URL("../../docs/scripts/generate-catalogue.mjs", import.meta.url).href
)) as Generator;
const read = (path: string): string => readFileSync(`${projectFolder}${path}`, "utf8");

test("plugins/catalogue.json and plugins/README.md are what the plugins' doc comments make (npm run docs)", () => {
  const plugins = generator.readPlugins();
  expect(read("plugins/catalogue.json")).toBe(generator.renderCatalogue(plugins));
  expect(read("plugins/README.md")).toBe(
    generator.renderPage(read("plugins/README.md"), plugins, generator.readMethods()),
  );
});

test("the catalogue holds every plugin of the package", () => {
  expect([...catalogue.keys()].sort()).toEqual(
    Object.keys(everything)
      .filter((name) => name.endsWith("Plugin"))
      .sort(),
  );
});

test("a plugin of a method is about a page, two where it has a dozen options", () => {
  const long = [...catalogue]
    .filter(([, { lines, method }]) => method !== null && lines > 135)
    .map(([name, { lines }]) => `${name}: ${lines}`);
  expect(long).toEqual([]);
});

test("an option's symbol is the word that its sentence begins with", () => {
  const symbols = Object.fromEntries(
    [...catalogue.get("PerceptionKlPlugin")!.options, ...catalogue.get("ClippedObjectivePlugin")!.options].map(
      ({ name, symbol }) => [name, symbol],
    ),
  );
  expect(symbols).toMatchObject({ coefficient: "γ", mode: null, clipLow: "ε_low", dualClip: "c", reduction: null });
});

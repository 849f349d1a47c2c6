/**
 * Run files as `papo` reads them, in a process of its own and in folders outside the project, where nothing is
 * installed.
 */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { papo } from "../../support/command-line.ts";

let folder = "";
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "papo-elsewhere-")));
});
afterAll(() => rmSync(folder, { recursive: true }));

function write(path: string, text: string): string {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
  return join(folder, path);
}

const shows = async (file: string): Promise<string> => (await papo(["show", file], folder)).output;

/** TypeScript that is more than types, waits for what it imports, and imports by every way of writing a path. */
const typescript = `
import { defineRun, grpo, papo } from "@papo/recipes";
import { z } from "zod";
import { gamma } from "./gamma.ts";
import { eta } from "./eta";
import { few } from "./few.js";
enum Ratio { most = 0.625 }
const schema = z.number();
export default defineRun({
  model: "m", data: "d.jsonl", output: "out", settings: { steps: few as number },
  plugins: papo(grpo(), { gamma: schema.parse(await gamma()), eta, maskRatio: Ratio.most }),
});
`;

describe("a run file outside of any project", () => {
  test.each([
    ["commonjs", "{}"],
    ["module", '{ "type": "module" }'],
    ["none", null],
  ])("is read in a folder whose package.json says: %s", async (name, manifest) => {
    if (manifest !== null) write(`${name}/package.json`, manifest);
    write(
      `${name}/gamma.ts`,
      'import { nearest } from "@papo/core";\nimport { z } from "zod";\nawait null;\nexport const gamma = async (): Promise<number> => (nearest === undefined ? 0 : z.number().parse(0.0375));\n',
    );
    write(`${name}/eta.ts`, "export const eta: number = 0.0475;\n");
    write(`${name}/few.ts`, "export const few: number = 7;\n");
    const shown = await shows(write(`${name}/run.ts`, typescript));
    for (const value of ["0.0375", "0.0475", "0.625"]) expect(shown).toContain(value);
  });

  test("is read as JavaScript", async () => {
    const text =
      'import { grpo, papo } from "@papo/recipes"; export default { model: "m", data: "d.jsonl", plugins: papo(grpo(), { gamma: 0.0375 }), output: "out" };';
    expect(await shows(write("plain/run.mjs", text))).toContain("0.0375");
  });

  test("says which package it does not find", async () => {
    expect(
      await shows(write("missing/run.ts", 'import { x } from "no-such-package-here"; export default x;')),
    ).toContain("no-such-package-here");
  });
});

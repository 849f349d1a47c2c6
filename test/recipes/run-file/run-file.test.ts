import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Scorable } from "@papo/core";
import { createHost } from "@papo/core";
import { defineRun, loadRunFile } from "../../../recipes/run-file/run-file.ts";
import { root } from "../../support/command-line.ts";

/** Inside the project, so that a run file in it finds the packages. */
let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(root, "runs-test-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

let written = 0;
function runFile(source: string): string {
  const file = join(folder, `run-${++written}.ts`);
  writeFileSync(file, `import { grpo } from "@papo/recipes";\n${source}\n`);
  return file;
}

const paths = 'model: "model", data: "data/rows.jsonl", output: "../out"';

test("paths are relative to the run file, and a reward becomes the last plugin", async () => {
  const run = await loadRunFile(
    runFile(
      `export default { ${paths}, evaluation: "/unseen.jsonl", plugins: grpo(), reward: ({ response }) => response.text.length, settings: { steps: 3 } };`,
    ),
  );
  expect(run).toMatchObject({
    model: join(folder, "model"),
    data: join(folder, "data/rows.jsonl"),
    output: join(folder, "../out"),
    evaluation: "/unseen.jsonl",
    settings: { steps: 3 },
  });
  const scorers = [...createHost(run.plugins, { seed: 1 }).scorers.values()];
  expect(scorers.map(({ name, weight }) => [name, weight])).toEqual([["reward", 1]]);
  expect(await scorers[0]!.score({ response: { text: "four" } } as Scorable, AbortSignal.abort())).toBe(4);
});

test("without a reward and an evaluation there are none", async () => {
  const run = await loadRunFile(runFile(`export default { ${paths}, plugins: grpo() };`));
  expect(run).not.toHaveProperty("evaluation");
  expect(createHost(run.plugins, { seed: 1 }).scorers.size).toBe(0);
});

test.each([
  ["const run = 1;", /run-\d+\.ts has no default export: export default defineRun/],
  [`export default { ${paths}, plugins: grpo(), setings: {} };`, /unknown option "setings"; did you mean "settings"\?/],
  ['export default { data: "d", output: "o", plugins: grpo() };', /the option "model" is missing/],
  ['export default { model: 3, data: "d", output: "o", plugins: grpo() };', /"model" must be a path, it is 3/],
  [`export default { ${paths}, plugins: "grpo" };`, /"plugins" must be an array, for example papo\(grpo\(\)\)/],
  [`export default { ${paths}, plugins: [grpo()] };`, /plugins\[0\] is no plugin; it is an array: spread it/],
  [`export default { ${paths}, plugins: [...grpo(), null] };`, /plugins\[\d\] is no plugin; it has no apply/],
])("%s is refused", async (source, message) => {
  await expect(loadRunFile(runFile(source))).rejects.toThrow(message);
});

test("a file that is not there is named", async () => {
  await expect(loadRunFile(join(folder, "absent.ts"))).rejects.toThrow(
    `there is no run file ${join(folder, "absent.ts")}`,
  );
});

test("defineRun gives back what it was given", () => {
  const run = { model: "m", data: "d", output: "o", plugins: [] };
  expect(defineRun(run)).toBe(run);
});

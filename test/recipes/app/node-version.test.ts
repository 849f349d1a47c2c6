import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "../../support/command-line.ts";

const { nodeProblem } = (await import(new URL("../../../recipes/app/node-version.mjs", import.meta.url).href)) as {
  nodeProblem(version: string): string | null;
};

test("Node before 20.19 is refused with its version and what is needed", () => {
  expect(nodeProblem("18.20.4")).toContain("Node 18.20.4");
  expect(nodeProblem("20.18.9")).toContain("20.19");
  for (const version of ["20.19.0", "20.20.2", "22.0.0"]) expect(nodeProblem(version)).toBeNull();
});

test.each([
  ["setup.mjs", "test"],
  ["recipes/papo.mjs", "--help"],
])("%s says it before it does anything else", (script, argument) => {
  const older = "data:text/javascript,Object.defineProperty(process.versions,'node',{value:'18.20.4'})";
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--import", older, join(root, script), argument], {
    encoding: "utf8",
  });
  expect(status).toBe(1);
  expect(stdout).toBe("");
  expect(stderr).toContain("This is Node 18.20.4; the project needs Node 20.19 or newer.");
});

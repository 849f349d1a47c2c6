import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openSources } from "../../../../recipes/run-file/data-source.ts";
import { makeProject } from "../../../../recipes/app/init/project.ts";
import { loadRunFile } from "../../../../recipes/run-file/run-file.ts";
import { root } from "../../../support/command-line.ts";

/** Inside the project, so that what is written finds the packages. */
let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(root, "runs-test-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const manifestOf = (project: string): Record<string, Record<string, string>> =>
  JSON.parse(readFileSync(join(project, "package.json"), "utf8")) as Record<string, Record<string, string>>;

describe("papo init", () => {
  test("writes a run file that can be loaded, ten rows with pictures, and a plugin whose test passes", async () => {
    const project = join(folder, "first");
    const told = await makeProject(project, {});
    expect(told.join("\n")).toContain("npx papo train run.ts");
    const run = await loadRunFile(join(project, "run.ts"));
    expect(existsSync(join(run.model, "config.json"))).toBe(true);
    const rows = await openSources(run.data);
    expect(rows.size).toBe(10);
    expect((await rows.row(0)).images).toHaveLength(1);
    expect(readFileSync(join(project, ".npmrc"), "utf8")).toBe("ignore-scripts=true\n");
    const [program, ...args] = manifestOf(project)["scripts"]!["test"]!.split(" ");
    expect(program).toBe("node");
    const { status, stdout } = spawnSync(process.execPath, args, { cwd: project, encoding: "utf8" });
    expect(status, stdout).toBe(0);
  });

  test("adds to what npm has written, and keeps what stands there", async () => {
    const project = join(folder, "installed");
    mkdirSync(project);
    writeFileSync(
      join(project, "package.json"),
      JSON.stringify({ name: "mine", dependencies: { "@papo/core": "file:core.tgz" }, scripts: { test: "mine" } }),
    );
    writeFileSync(join(project, ".npmrc"), "fund=false");
    await makeProject(project, {});
    const { name, scripts, dependencies } = manifestOf(project);
    expect([name, scripts!["test"], dependencies!["@papo/core"]]).toEqual(["mine", "mine", "file:core.tgz"]);
    expect(Object.keys(dependencies!)).toContain("@papo/recipes");
    expect(readFileSync(join(project, ".npmrc"), "utf8")).toBe("fund=false\nignore-scripts=true\n");
  });

  test("takes rows of one's own, in the folder or elsewhere, with a place for a model", async () => {
    const project = join(folder, "own");
    mkdirSync(project);
    const rows = join(project, "mine.jsonl");
    writeFileSync(rows, '{"problem": "How many?", "solution": "3"}\n');
    const told = await makeProject(project, { data: rows });
    expect(told.join("\n")).toContain(join(project, "model"));
    const run = await loadRunFile(join(project, "run.ts"));
    expect(run.model).toBe(join(project, "model"));
    expect((await (await openSources(run.data)).row(0)).prompt).toBe(
      "How many? Put your final answer within \\boxed{}.",
    );
    expect(existsSync(join(project, "data"))).toBe(false);
  });

  test("refuses in a sentence, and writes nothing", async () => {
    const full = join(folder, "full");
    mkdirSync(full);
    writeFileSync(join(full, "notes.txt"), "");
    await expect(makeProject(full, {})).rejects.toThrow(`${full} is not empty, it holds notes.txt`);
    await expect(makeProject(join(full, "notes.txt"), {})).rejects.toThrow("is a file: name a folder");
    const none = join(folder, "none");
    await expect(makeProject(none, { data: join(folder, "no.jsonl") })).rejects.toThrow("there is no file or folder");
    await expect(makeProject(none, { benchmark: "mathverse" })).rejects.toThrow(
      "--data <file or folder> --benchmark mathverse",
    );
    await expect(makeProject(none, { benchmark: "mathvrse", data: folder })).rejects.toThrow(
      'there is no benchmark "mathvrse"',
    );
    await expect(makeProject(none, { model: join(folder, "no-model") })).rejects.toThrow("there is no model folder");
    expect(existsSync(none)).toBe(false);
    const damaged = join(folder, "damaged");
    mkdirSync(damaged);
    writeFileSync(join(damaged, "package.json"), '{ "name": ');
    await expect(makeProject(damaged, {})).rejects.toThrow(
      /package\.json is no JSON.*: correct it, or choose another folder/,
    );
    expect(readdirSync(damaged)).toEqual(["package.json"]);
  });
});

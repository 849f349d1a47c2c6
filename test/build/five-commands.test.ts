/**
 * The packages as they are published, in a project of somebody who has no clone: from the packed files to the report,
 * by Node alone.
 */
import { execFileSync, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { projectFolder } from "../house/project-files.ts";

const names = ["core", "plugins", "recipes"];
const folder = mkdtempSync(join(tmpdir(), "papo-five-"));
const installed = join(folder, "node_modules");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/**
 * What `npm install` does with the three packed files: theirs unpacked, and of others those alone that they ask for.
 */
beforeAll(() => {
  const built = names.map((name) => join(projectFolder, "node_modules/.papo/node_modules/@papo", name));
  const packed = JSON.parse(
    execFileSync("npm", ["pack", ...built, "--pack-destination", folder, "--json"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      shell: process.platform === "win32",
    }),
  ) as { filename: string }[];
  for (const [index, { filename }] of packed.entries()) {
    const own = join(installed, "@papo", names[index]!);
    mkdirSync(own, { recursive: true });
    execFileSync("tar", ["-xzf", filename.replace("@", "").replace("/", "-"), "-C", own, "--strip-components=1"], {
      cwd: folder,
    });
    const { dependencies } = JSON.parse(readFileSync(join(own, "package.json"), "utf8")) as {
      dependencies: Record<string, string>;
    };
    for (const name of Object.keys(dependencies).filter((other) => !other.startsWith("@papo/"))) {
      if (existsSync(join(installed, name))) continue;
      mkdirSync(dirname(join(installed, name)), { recursive: true });
      symlinkSync(join(projectFolder, "node_modules", name), join(installed, name), "junction");
    }
  }
});

/** What it printed; `heard` is told of all of it so far. */
function papo(
  args: readonly string[],
  cwd: string,
  heard: (said: string) => void = () => undefined,
): Promise<{ readonly code: number | null; readonly said: string }> {
  const { NODE_OPTIONS: _, ...env } = process.env;
  const child = spawn(process.execPath, [join(installed, "@papo/recipes/papo.mjs"), ...args], {
    cwd,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => heard((said += chunk.toString())));
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, said })));
}

const small = ["settings.promptsPerStep=1", "settings.samplesPerPrompt=2", "settings.sampling.maxNewTokens=4"].flatMap(
  (set) => ["--set", set],
);

/** How many steps a run has done. */
const stepsIn = (run: string): number => readFileSync(join(run, "metrics.jsonl"), "utf8").trim().split("\n").length;

test("in an empty folder: init, train with its page, report", async () => {
  const project = join(folder, "my-run");
  expect(await papo(["init", "my-run"], folder)).toMatchObject({ code: 0 });
  const pages: Promise<string>[] = [];
  const { code, said } = await papo(
    ["train", "run.ts", "--page", "--port", "0", "--set", "settings.steps=2", ...small],
    project,
    (text) => {
      const address = /http:\/\/127\.0\.0\.1:\d+/.exec(text)?.[0];
      if (address !== undefined && pages.length === 0) pages.push(fetch(address).then((response) => response.text()));
    },
  );
  expect(code, said).toBe(0);
  expect(await pages[0]).toMatch(/<!doctype html>/i);
  const run = join(project, "runs/first");
  expect(stepsIn(run)).toBe(2);
  const report = join(folder, "report.html");
  expect(await papo(["report", run, "--output", report], folder)).toMatchObject({ code: 0 });
  expect(readFileSync(report, "utf8")).toMatch(/<!doctype html>/i);
});

test("in a folder of ES modules too", async () => {
  const project = join(folder, "modules");
  cpSync(join(folder, "my-run"), project, { recursive: true, filter: (path) => !path.endsWith("runs") });
  const manifest = join(project, "package.json");
  writeFileSync(
    manifest,
    JSON.stringify({ ...(JSON.parse(readFileSync(manifest, "utf8")) as object), type: "module" }),
  );
  const { code, said } = await papo(["train", "run.ts", "--set", "settings.steps=1", ...small], project);
  expect(code, said).toBe(0);
  expect(stepsIn(join(project, "runs/first"))).toBe(1);
});

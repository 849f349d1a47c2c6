/**
 * From tarballs in an empty folder to a trained model, its page and its types, as somebody does it who has no clone.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fiveCommands } from "./five-commands.ts";
import { otherNodes, waysOfInstalling } from "./installing.ts";
import { newcomersFolder } from "./newcomer.ts";
import { root, run, type Result } from "./part.ts";

/** Errors of the project's compiler, by the file that they are told of. */
function typeErrors(folder: string, options: readonly string[]): string[] {
  try {
    execFileSync(
      process.execPath,
      [join(root, "node_modules/typescript/bin/tsc"), "--noEmit", "--pretty", "false", ...options],
      { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] },
    );
    return [];
  } catch (error) {
    return (error as { stdout: string }).stdout
      .split("\n")
      .filter((line) => /error TS\d+/.test(line))
      .map((line) => line.split("(")[0]!);
  }
}

export async function packages(): Promise<readonly Result[]> {
  const place = newcomersFolder();
  try {
    return await packagesIn(place);
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

async function packagesIn(place: string): Promise<readonly Result[]> {
  const rows: Result[] = [];
  const step = (tried: string, held: boolean, found = held ? "as it should" : "failed"): boolean => {
    rows.push({ tried, found, held });
    return held;
  };
  const [folder, elsewhere] = [join(place, "project"), join(place, "elsewhere")];
  if (!step("npm run release", run("npm", ["run", "release"]) === 0)) return rows;
  const tarballs = readdirSync(join(root, "dist")).map((name) => join(root, "dist", name));
  const commands = await fiveCommands(folder, tarballs);
  for (const { typed, held, seconds } of commands)
    step(typed, held, held ? `as it should, ${seconds.toFixed(0)} s` : "failed");
  if (commands.some(({ held }) => !held)) return rows;
  rows.push({
    tried: "the five commands together",
    found: `${commands.reduce((sum, { seconds }) => sum + seconds, 0).toFixed(0)} s`,
    held: true,
  });
  const papo = (...args: readonly string[]): number | null =>
    run(process.execPath, [join(folder, "node_modules/@papo/recipes/papo.mjs"), ...args], { cwd: folder });
  // Their runs are processes of their own, started from a file of the package.
  const small = ["steps=1", "promptsPerStep=1", "samplesPerPrompt=2", "sampling.maxNewTokens=4"].flatMap((set) => [
    "--set",
    `settings.${set}`,
  ]);
  step(
    "papo sweep, 2 runs",
    papo("sweep", "my-run/run.ts", "--vary", "settings.learningRate=1e-6,1e-5", ...small, "--output", "sweep") === 0 &&
      existsSync(join(folder, "sweep/table.md")),
  );
  step(
    "papo compare, 2 runs",
    papo("compare", "grpo", "papo", "--seeds", "1", "--steps", "1", "--scenes", "8", "--output", "compare") === 0 &&
      existsSync(join(folder, "compare/table.md")),
  );
  step("npm test of the project", run("npm", ["test"], { cwd: join(folder, "my-run") }) === 0);
  for (const skip of [true, false]) {
    const errors = typeErrors(join(folder, "my-run"), ["--skipLibCheck", String(skip)]);
    const ours = errors.filter((file) => skip || !file.includes("node_modules") || file.includes("@papo/"));
    step(
      `its types, skipLibCheck ${skip}`,
      ours.length === 0,
      `${ours.length} errors in files of ours, ${errors.length - ours.length} in others`,
    );
    for (const file of new Set(ours)) console.log(`   types: ${file}`);
  }
  const node = (file: string, text: string): boolean => {
    writeFileSync(join(folder, file), text);
    return run(process.execPath, [file], { cwd: folder }) === 0;
  };
  step(
    "import in an ES module",
    node("own.mjs", 'import { grpo } from "@papo/recipes";\nif (grpo().length !== 3) throw new Error("no recipe");\n'),
  );
  step(
    "require in a CommonJS module",
    node(
      "own.cjs",
      'const { grpo } = require("@papo/recipes");\nif (grpo().length !== 3) throw new Error("no recipe");\n',
    ),
  );
  const files = execFileSync("du", ["-sm", "node_modules"], { cwd: folder, encoding: "utf8" });
  rows.push({ tried: "size of node_modules", found: `${parseInt(files, 10)} MB`, held: true });
  rows.push(...otherNodes(folder, place));
  // Its package.json names the packed files, so that it is installed anywhere.
  step(
    "papo init elsewhere, npm install --ignore-scripts there, its test",
    papo("init", "../elsewhere") === 0 &&
      run("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd: elsewhere }) === 0 &&
      run("npm", ["test"], { cwd: elsewhere }) === 0,
  );
  return [...rows, ...waysOfInstalling(tarballs, place)];
}

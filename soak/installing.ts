/** Ways of installing the packed packages, and the versions of Node that they run on. */
import { spawnSync, type SpawnSyncOptionsWithStringEncoding } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Result } from "./part.ts";

/** Node by npm's own packages: the oldest that is promised, and the newest of 24. */
const versions = ["20.19.0", "24.21.0"];

interface Way {
  readonly flags: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** What must be seen: a run that trains, or what is said where it cannot be. */
  readonly held: RegExp;
}

/**
 * Install scripts fetch from outside of the package registry: where that is reached they succeed, and elsewhere
 * onnxruntime-node's fails the installation. That of @tensorflow/tfjs-node-gpu must never fail it.
 */
const ways: readonly Way[] = [
  { flags: ["--ignore-scripts"], held: /trains/ },
  { flags: [], held: /trains|onnxruntime-node/ },
  { flags: [], env: { ONNXRUNTIME_NODE_INSTALL: "skip" }, held: /trains/ },
  { flags: ["--omit=optional"], held: /onnxruntime-node|sharp/ },
  { flags: ["--ignore-scripts", "--omit=optional"], held: /sharp/ },
];

const quiet: SpawnSyncOptionsWithStringEncoding = { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] };
const megabytes = (folder: string): number => parseInt(spawnSync("du", ["-sm", folder], quiet).stdout, 10);

/** Each way in an empty folder, one after the other, and what a run of a new project said then. */
export function waysOfInstalling(tarballs: readonly string[], place: string): Result[] {
  const folder = join(place, "installing");
  const results = ways.map(({ flags, env = {}, held }) => {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "package.json"), "{}\n");
    const words = ["install", "--no-audit", "--no-fund", ...flags];
    const typed = [...Object.entries(env).map(([name, value]) => `${name}=${value}`), "npm install", ...flags].join(
      " ",
    );
    console.log(`   ${typed}`);
    const { status, stdout, stderr } = spawnSync("npm", [...words, ...tarballs], {
      cwd: folder,
      env: { ...process.env, ...env },
      shell: process.platform === "win32",
      ...quiet,
    });
    const found =
      status === 0
        ? `${/added \d+ packages/.exec(stdout)?.[0]}, ${megabytes(join(folder, "node_modules"))} MB, ${trained(folder, process.execPath)}`
        : whyNot(stderr, folder);
    console.log(`   ${found}`);
    return { tried: typed, found, held: held.test(found) };
  });
  rmSync(folder, { recursive: true, force: true });
  return results;
}

/** Whose script failed, and what npm left. */
function whyNot(stderr: string, folder: string): string {
  const culprit = /npm error path .*node_modules\/(\S+)/.exec(stderr)?.[1] ?? stderr.trim().split("\n")[0];
  const installed = join(folder, "node_modules");
  const left = existsSync(installed) ? readdirSync(installed).filter((name) => !name.startsWith(".")).length : 0;
  const reason = /Error: .*/.exec(stderr)?.[0].slice(0, 80) ?? "";
  return `fails in the script of ${culprit} (${reason}), leaves ${left} folders`;
}

/** One step of a new project, or what is said where it cannot be. */
function trained(folder: string, node: string): string {
  const papo = (...args: readonly string[]): { status: number | null; stderr: string } =>
    spawnSync(node, [join(folder, "node_modules/@papo/recipes/papo.mjs"), ...args], { cwd: folder, ...quiet });
  rmSync(join(folder, "tried"), { recursive: true, force: true });
  const small = ["steps=1", "promptsPerStep=1", "samplesPerPrompt=2", "sampling.maxNewTokens=4"].flatMap((set) => [
    "--set",
    `settings.${set}`,
  ]);
  for (const words of [
    ["init", "tried"],
    ["train", "tried/run.ts", ...small],
    ["report", "tried/runs/first"],
  ]) {
    const { status, stderr } = papo(...words);
    if (status !== 0) return `papo ${words[0]}: ${stderr.trim().split("\n")[0]?.slice(0, 120)}`;
  }
  return "trains";
}

/**
 * An installed project on other versions of Node: a run, imports of both kinds, its test.
 * @param folder where own.mjs and own.cjs lie
 * @param place where those versions are put
 */
export function otherNodes(folder: string, place: string): Result[] {
  return versions.flatMap((version) => {
    const home = join(place, `node-${version}`);
    const name = `node-${process.platform}-${process.arch}`;
    mkdirSync(home, { recursive: true });
    writeFileSync(join(home, "package.json"), "{}\n");
    const { status } = spawnSync(
      "npm",
      ["install", "--no-audit", "--no-fund", "--ignore-scripts", `${name}@${version}`],
      { cwd: home, shell: process.platform === "win32", ...quiet },
    );
    if (status !== 0)
      return [{ tried: `Node ${version}`, found: `not tried: there is no package ${name} of it`, held: true }];
    const node = join(home, "node_modules", name, "bin/node");
    const { test = "" } = (
      JSON.parse(readFileSync(join(folder, "my-run/package.json"), "utf8")) as { scripts: Record<string, string> }
    ).scripts;
    const runs = (cwd: string, ...words: readonly string[]): string =>
      spawnSync(node, words, { cwd, ...quiet }).status === 0 ? "as it should" : "failed";
    const rows = {
      "a project that is made, trains and is reported": trained(folder, node),
      "import in an ES module": runs(folder, "own.mjs"),
      "require in a CommonJS module": runs(folder, "own.cjs"),
      "npm test of the project": runs(join(folder, "my-run"), ...test.split(" ").slice(1)),
    };
    return Object.entries(rows).map(([tried, found]) => ({
      tried: `Node ${version}: ${tried}`,
      found,
      held: found === "trains" || found === "as it should",
    }));
  });
}

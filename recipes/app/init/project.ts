/** A project that trains at once, in a folder of its own. */
import { createRequire } from "node:module";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { isAbsolute, join, relative, resolve, sep } from "node:path";
import { lockFolder, readJsonFile, writeFileAtomic } from "@papo/core";
import { benchmarks } from "../../run-file/benchmarks.ts";
import { openSources } from "../../run-file/data-source.ts";
import { writeDataset } from "../tasks/shapes/dataset.ts";
import { pictureGrids } from "../tasks/shapes/start-model.ts";
import {
  ignoredFiles,
  manifestSchema,
  manifestWith,
  npmSettings,
  pluginFile,
  rewardFile,
  runFile,
  testFile,
  typescriptFile,
  type Manifest,
  type ProjectData,
} from "./files.ts";
import { ownPackages, type OwnPackages } from "./own-packages.ts";

export interface ProjectOptions {
  /** The user's rows: a file, or a folder of it. */
  readonly data?: string | undefined;
  /** The layout of the rows, where they are a benchmark's. */
  readonly benchmark?: string | undefined;
  /** The model's folder. */
  readonly model?: string | undefined;
}

/** What a package manager, git or an editor leaves, and what a person puts there before they begin. */
const welcome =
  /^(?:package(?:-lock)?\.json|node_modules|\.npmrc|\.git|\.gitignore|\.vscode|\.idea|LICENSE|README\.md|.*\.tgz)$/;

/**
 * What a person is told afterwards. @throws Error before anything is written where the folder or an option will not do
 */
export async function makeProject(folder: string, options: ProjectOptions): Promise<string[]> {
  checkFolder(folder, options);
  const manifest = manifestIn(folder);
  const data = await dataOf(folder, options);
  mkdirSync(folder, { recursive: true });
  const lock = lockFolder(folder);
  try {
    return whatNext(folder, options, await writeProject(folder, options, data, manifest));
  } finally {
    lock.release();
  }
}

/** @returns what is to be done before packages can be installed */
async function writeProject(
  folder: string,
  options: ProjectOptions,
  data: ProjectData,
  manifest: Manifest,
): Promise<OwnPackages["first"]> {
  if (options.data === undefined)
    await writeDataset(join(folder, "data"), { split: "train", seed: 7, count: 10, grids: pictureGrids });
  const files: Record<string, string> = {
    "run.ts": runFile(data),
    ...(data.answers === "shapes" ? { "reward.ts": rewardFile } : {}),
    "visual-focus.ts": pluginFile(),
    "visual-focus.test.ts": testFile,
    "tsconfig.json": typescriptFile,
  };
  for (const [name, text] of Object.entries(files)) writeFileAtomic(join(folder, name), text);
  const { version } = createRequire(import.meta.url)("@papo/core/package.json") as { version: string };
  const { specs, first } = ownPackages(folder, version);
  keepOrWrite(folder, manifest, specs);
  return first;
}

function checkFolder(folder: string, { data }: ProjectOptions): void {
  if (!existsSync(folder)) return;
  const own = data === undefined ? "" : relative(folder, resolve(data)).split(sep)[0];
  let found: string[];
  try {
    found = readdirSync(folder);
  } catch {
    throw new Error(`${folder} is a file: name a folder that is empty or not there yet`);
  }
  const others = found.filter((name) => !welcome.test(name) && name !== own);
  if (others.length === 0) return;
  const shown = `${others.slice(0, 4).join(", ")}${others.length > 4 ? ` and ${others.length - 4} more` : ""}`;
  throw new Error(
    `${folder} is not empty, it holds ${shown}: name a new folder (papo init my-run), nothing is overwritten`,
  );
}

async function dataOf(folder: string, { data, benchmark, model }: ProjectOptions): Promise<ProjectData> {
  if (benchmark !== undefined && !Object.hasOwn(benchmarks, benchmark))
    throw new Error(`there is no benchmark "${benchmark}"; there are ${Object.keys(benchmarks).join(", ")}`);
  if (benchmark !== undefined && data === undefined)
    throw new Error(
      `--benchmark says what rows look like: name them too, --data <file or folder> --benchmark ${benchmark}`,
    );
  if (model !== undefined && !existsSync(model)) throw new Error(`there is no model folder ${resolve(model)}`);
  const from = (path: string): string => {
    const way = relative(folder, resolve(path)).replaceAll(sep, "/");
    return JSON.stringify(isAbsolute(way) || way.startsWith(".") ? way : `./${way}`);
  };
  const chosen = model === undefined ? null : `${from(model)},`;
  if (data === undefined)
    return {
      code: '"./data/rows.jsonl"',
      model: chosen ?? "startModel, // of one million parameters, shipped; or the folder of a Hugging Face model",
      answers: "shapes",
    };
  if (!existsSync(data)) throw new Error(`there is no file or folder ${resolve(data)}`);
  const source = { path: resolve(data), ...(benchmark === undefined ? {} : { benchmark }) };
  const { size } = await openSources(source as Parameters<typeof openSources>[0]);
  if (size === 0) throw new Error(`${source.path} holds no rows`);
  const layout = benchmark === undefined ? "" : `, benchmark: ${JSON.stringify(benchmark)}`;
  return {
    code: `{ path: ${from(data)}${layout}, template: "{prompt} Put your final answer within \\\\boxed{}." }`,
    model: chosen ?? '"./model", // put the folder of a Hugging Face model here: Qwen2.5-VL, Qwen3-VL, SmolVLM, …',
    answers: "mathematics",
  };
}

/** The package.json that is there. @throws Error naming it when it is damaged */
function manifestIn(folder: string): Manifest {
  const file = join(folder, "package.json");
  return existsSync(file) && statSync(file).size > 0
    ? readJsonFile(file, manifestSchema, "correct it, or choose another folder")
    : {};
}

function keepOrWrite(folder: string, manifest: Manifest, own: OwnPackages["specs"]): void {
  const read = (name: string): string =>
    existsSync(join(folder, name)) ? readFileSync(join(folder, name), "utf8") : "";
  const [npm, ignored] = [".npmrc", ".gitignore"].map(read) as [string, string];
  writeFileAtomic(join(folder, "package.json"), manifestWith(manifest, own));
  const added = (before: string, lines: string): string => {
    const missing = lines.split("\n").filter((line) => line !== "" && !before.split("\n").includes(line));
    return missing.length === 0
      ? before
      : `${before}${before === "" || before.endsWith("\n") ? "" : "\n"}${missing.join("\n")}\n`;
  };
  writeFileAtomic(join(folder, ".npmrc"), added(npm, npmSettings));
  writeFileAtomic(join(folder, ".gitignore"), added(ignored, ignoredFiles));
}

/** @param first what is to be done before packages can be installed */
function whatNext(folder: string, { data, model }: ProjectOptions, first: OwnPackages["first"]): string[] {
  const way = relative(process.cwd(), folder);
  const installed =
    existsSync(join(folder, "node_modules")) || (folder.startsWith(process.cwd()) && existsSync("node_modules/@papo"));
  return [
    `A project is in ${folder}: run.ts says what is trained, visual-focus.ts is a plugin, visual-focus.test.ts its test.`,
    ...(data !== undefined && model === undefined
      ? [`Put a model's folder at ${join(folder, "model")}, or name yours in run.ts.`]
      : []),
    ...(installed ? [] : first),
    "",
    ...(way === "" ? [] : [`  cd ${way}`]),
    ...(installed
      ? []
      : ["  npm install --ignore-scripts      # .npmrc says so too: install scripts fetch what is not needed"]),
    "  npx papo train run.ts",
    "  npm test",
  ];
}

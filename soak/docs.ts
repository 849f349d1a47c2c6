/**
 * Every command of README.md, CONTRIBUTING.md and docs/, run in a copy of the project; of those that are not run, that
 * their options are there.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root, type Result } from "./part.ts";

/** Commands that are not run, and why. The first that fits counts. */
const notRun: readonly (readonly [RegExp, string])[] = [
  [/^npm (start|test)\b|^bash \.ci\/run/, "the gate runs it"],
  [/^npm install .*\.tgz|\bmy-run\b/, "the soak's part packages runs it"],
  [/^npm run (soak|bench|bench:peers|docs:site)/, "minutes to hours, or a part of the soak of its own"],
  [
    /papo compare|docs\/scripts\/(draw-curves|measure-collapse|run-evidence)|--set model=models\//,
    "an hour and more, or its output, or published data",
  ],
  [/papo demo --task/, "minutes: a start is made, and three runs"],
  [/--page\b|papo watch/, "serves until it is ended"],
  [/<[a-z].*>|…|MathVerse|rows\.(parquet|jsonl)|test\.jsonl|cases\.json/, "the reader's own files"],
];

/** What is added so that a command is done at once. */
const shorter: readonly (readonly [RegExp, string])[] = [
  [/papo train recipes\/examples\/run\.ts --resume/, ""],
  [
    /papo train recipes\/examples\/run\.ts/,
    "--overwrite --set settings.promptsPerStep=2 --set settings.samplesPerPrompt=4 --set settings.steps=2 --set evaluation=null",
  ],
  [/papo sweep/, "--dry-run"],
];

/** A command that takes longer belongs to those that are not run. */
const mostMilliseconds = 900_000;

/** Lines of blocks of shell, those that a backslash ends joined with the next, without what stands after #. */
export function commandsOf(text: string): string[] {
  // Of all languages, so that the end of one block is not taken for the beginning of another.
  const fenced = [...text.matchAll(/^```(.*)\n([^]*?)^```/gm)].filter(([, language]) =>
    ["", "sh", "bash", "shell"].includes(language!.trim()),
  );
  const blocks = fenced.map((match) => match[2]!.replace(/ *\\\n\s*/g, " "));
  return blocks
    .flatMap((block) => block.split("\n"))
    .map((line) => line.replace(/\s+#.*$/, "").trim())
    .filter((line) => /^(npm|npx|node|bash) /.test(line));
}

/** Options of a papo command that it does not take. */
function unknownOptions(command: string, folder: string): string[] {
  const [, name, rest] = /^npx papo (\w[\w-]*)(.*)$/.exec(command) ?? [];
  if (name === undefined) return [];
  const help = execFileSync("node", ["recipes/papo.mjs", name, "--help"], { cwd: folder, encoding: "utf8" });
  return [...rest!.matchAll(/(?<=\s|\()--[\w-]+/g)]
    .map(([option]) => option)
    .filter((option) => !help.includes(option));
}

export function docs(): readonly Result[] {
  const folder = join(root, "runs/soak/docs");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const file of execFileSync("git", ["ls-files"], { cwd: root, encoding: "utf8" }).trim().split("\n"))
    cpSync(join(root, file), join(folder, file));
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  writeFileSync(join(folder, "grpo_config.yaml"), "learning_rate: 1e-6\nnum_generations: 8\n");
  cpSync(join(folder, "recipes/examples"), folder, { recursive: true });
  const pages = [
    "README.md",
    "CONTRIBUTING.md",
    ...readdirSync(join(root, "docs"))
      .filter((name) => name.endsWith(".md"))
      .map((name) => `docs/${name}`),
  ].filter((page) => !["docs/command-line.md"].includes(page));
  return pages.flatMap((page) =>
    commandsOf(readFileSync(join(root, page), "utf8")).map((command) => tryOne(page, command, folder)),
  );
}

/** The reader's own run files are the example's; the one that a command is to write is not there yet. */
function layRunFiles(command: string, folder: string): void {
  const example = readFileSync(join(folder, "recipes/examples/run.ts"), "utf8").replace("../app/", "./recipes/app/");
  for (const name of ["run.ts", "other.ts"]) writeFileSync(join(folder, name), example);
  if (/papo import .*--output run\.ts/.test(command)) rmSync(join(folder, "run.ts"));
}

function tryOne(page: string, command: string, folder: string): Result {
  const tried = `${page}: ${command.slice(0, 70)}`;
  const why =
    notRun.find(([pattern]) => pattern.test(command))?.[1] ??
    (page === "docs/settings.md" ? "an example of options" : undefined);
  if (why !== undefined) {
    const unknown = unknownOptions(command, folder);
    return {
      tried,
      found: unknown.length > 0 ? `no option ${unknown.join(", ")}` : `not run: ${why}`,
      held: unknown.length === 0,
    };
  }
  const added = shorter.find(([pattern]) => pattern.test(command))?.[1] ?? "";
  const words = `${command.replace(/^npx papo/, "node recipes/papo.mjs")} ${added}`;
  console.log(`   ${words}`);
  layRunFiles(command, folder);
  const { status, stderr, error } = spawnSync("bash", ["-c", `exec ${words}`], {
    cwd: folder,
    stdio: ["ignore", "ignore", "pipe"],
    encoding: "utf8",
    timeout: mostMilliseconds,
  });
  if (error !== undefined) return { tried, found: error.message, held: false };
  return {
    tried,
    found: status === 0 ? "runs" : `exit code ${status}: ${stderr.trim().split("\n").at(-1)?.slice(0, 80)}`,
    held: status === 0,
  };
}

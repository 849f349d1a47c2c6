/**
 * What somebody waits for who uses it: the printed plan of a run, against an earlier checkout, and five commands from
 * an empty folder.
 */
import { execFileSync, spawn } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fiveCommands } from "../soak/five-commands.ts";
import { newcomersFolder } from "../soak/newcomer.ts";
import { median, paired, type Paired } from "./statistics.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

interface Rows {
  readonly row: (figure: string, our: string, peer: string, ratio: string, goal: string) => string;
  readonly times: (pair: Paired) => string;
}

/** A folder with the example's run, whose packages are those of a checkout. */
function projectOf(checkout: string): string {
  const folder = mkdtempSync(join(tmpdir(), "papo-plan-"));
  symlinkSync(join(checkout, "node_modules"), join(folder, "node_modules"));
  for (const name of ["data", "visual-focus.ts"])
    cpSync(join(checkout, "recipes", "examples", name), join(folder, name), { recursive: true });
  const text = readFileSync(join(checkout, "recipes", "examples", "run.ts"), "utf8");
  // Without what an evaluation before the first step takes.
  writeFileSync(
    join(folder, "run.ts"),
    text
      .replace(/model: ".*"/, `model: ${JSON.stringify(startModel(checkout))}`)
      .replace(/\n\s*evaluation:.*/, "")
      .replace(/output: ".*"/, 'output: "./out"'),
  );
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }\n');
  return folder;
}

/** Where a checkout has the embedded model. */
function startModel(checkout: string): string {
  const named = /model: "(.*)"/.exec(readFileSync(join(checkout, "recipes", "examples", "run.ts"), "utf8"))![1]!;
  return join(checkout, "recipes", "examples", named);
}

interface Planned {
  readonly seconds: number;
  /** Of all its threads. */
  readonly processor: number;
}

/** From the start of the process to the line that says what a step is. */
async function plan(checkout: string, project: string): Promise<Planned> {
  rmSync(join(project, "out"), { recursive: true, force: true });
  const started = performance.now();
  const child = spawn(process.execPath, [join(checkout, "recipes", "papo.mjs"), "train", "run.ts"], {
    cwd: project,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  let said = "";
  const planned = await new Promise<Planned | null>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        said += text;
        if (/steps of \d+ prompts/.test(said))
          resolve({ seconds: (performance.now() - started) / 1000, processor: processorSeconds(child.pid!) });
      });
    }
    void ended.then(() => resolve(null));
  });
  child.kill("SIGKILL");
  await ended;
  if (planned === null) throw new Error(`${checkout} printed no plan:\n${said.slice(-1500)}`);
  return planned;
}

/** What the kernel has counted of a process so far; NaN where it does not say. */
function processorSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Built files here, the sources of the checkout that EARLIER names, in turn. */
export async function planRows(repeats: number, { row, times }: Rows): Promise<string[]> {
  const earlier = process.env["EARLIER"];
  if (earlier === undefined)
    throw new Error("EARLIER names the checkout to compare with: EARLIER=<checkout of da06bea> npm run bench -- plan");
  execFileSync(process.execPath, [join(root, "build", "build.mjs")], { stdio: "ignore" });
  const sides = [root, earlier].map((checkout) => ({ checkout, project: projectOf(checkout), found: [] as Planned[] }));
  for (let round = 0; round <= repeats; round++) {
    for (const { checkout, project, found } of sides) {
      const planned = await plan(checkout, project);
      if (round > 0) found.push(planned);
    }
  }
  for (const { project } of sides) rmSync(project, { recursive: true });
  const of = (key: keyof Planned): Paired =>
    paired(...(sides.map(({ found }) => found.map((one) => one[key])) as [number[], number[]]));
  return (["seconds", "processor"] as const).map((key) => {
    const pair = of(key);
    return row(
      key === "seconds" ? "start to the printed plan, built files, s" : "the same, processor time, s",
      pair.a.toFixed(2),
      `da06bea: ${pair.b.toFixed(2)}`,
      times(pair),
      "≤ 0.6×",
    );
  });
}

/** Three times, each from an empty folder; packages come from the registry or npm's cache. */
export async function fiveCommandRows({ row }: Rows): Promise<string[]> {
  execFileSync(process.execPath, [join(root, "build", "release.mjs")], { cwd: root, stdio: "ignore" });
  const tarballs = readdirSync(join(root, "dist")).map((name) => join(root, "dist", name));
  const rounds: (readonly number[])[] = [];
  const folder = newcomersFolder();
  for (let round = 0; round < 3; round++) {
    const commands = await fiveCommands(folder, tarballs);
    const failed = commands.find(({ held }) => !held);
    if (failed !== undefined) throw new Error(`${failed.typed} failed`);
    rounds.push(commands.map(({ seconds }) => seconds));
  }
  rmSync(folder, { recursive: true, force: true });
  const sums = rounds.map((seconds) => seconds.reduce((sum, value) => sum + value, 0));
  const each = ["install", "init", "train", "watch", "report"].map(
    (name, at) => `${name} ${median(rounds.map((seconds) => seconds[at]!)).toFixed(0)}`,
  );
  return [
    row(
      "five commands from an empty folder, s",
      `${median(sums).toFixed(0)} [${Math.min(...sums).toFixed(0)}, ${Math.max(...sums).toFixed(0)}]: ${each.join(", ")}`,
      "",
      "",
      "≤ 180",
    ),
  ];
}

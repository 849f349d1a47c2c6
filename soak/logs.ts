/**
 * A run that is logged to TensorBoard, Trackio and Weights & Biases, killed in its middle and resumed; then the peers'
 * own Python packages read what the loggers wrote, and every number must be that of metrics.jsonl. Needs Python, and
 * the network the first time.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { killWhen } from "./killed-command.ts";
import { root, run, type Result } from "./part.ts";

const reader = join(root, "test/plugins/observe/read-logs.py");
const home = join(root, "runs/soak/logs");
const steps = 6;

const runFile = `import { CsvPlugin, TensorBoardPlugin, TrackioPlugin, WandbPlugin } from "@papo/plugins";
import { defineRun, grpo, papo, startModel } from "@papo/recipes";
import { reward } from "./reward.ts";

export default defineRun({
  model: startModel,
  data: "./data/rows.jsonl",
  reward,
  plugins: [...papo(grpo()), new CsvPlugin(), new TensorBoardPlugin({ every: 2 }), new TrackioPlugin(), new WandbPlugin()],
  settings: { steps: ${steps}, promptsPerStep: 2, samplesPerPrompt: 4, checkpointEvery: 2, sampling: { maxNewTokens: 16 } },
  output: "logged",
});
`;

/** Its folder; kept, since making it takes minutes. The versions are those that the reader's first lines name. */
function peers(): string | null {
  const text = readFileSync(reader, "utf8");
  const [packages, old] = [
    /pip install (tensorboard==.*)$/m.exec(text)?.[1],
    /--target peers\/reader (wandb==\S+)/.exec(text)?.[1],
  ];
  if (packages === undefined || old === undefined) throw new Error(`${reader} no longer says which packages it needs`);
  const [folder, words] = [join(home, "peers"), packages.replaceAll('"', "").split(" ")];
  const pip = join(folder, process.platform === "win32" ? "Scripts" : "bin", "pip");
  const made = join(folder, "made.txt");
  if (existsSync(made) && readFileSync(made, "utf8") === text) return folder;
  rmSync(folder, { recursive: true, force: true });
  const done =
    run("python3", ["-m", "venv", folder]) === 0 &&
    run(pip, ["install", "--quiet", ...words]) === 0 &&
    run(pip, ["install", "--quiet", "--no-deps", "--target", join(folder, "reader"), old]) === 0;
  if (done) writeFileSync(made, text);
  return done ? folder : null;
}

export async function logs(): Promise<readonly Result[]> {
  const rows: Result[] = [];
  const step = (tried: string, held: boolean, found = held ? "as it should" : "failed"): boolean => {
    rows.push({ tried, found, held });
    return held;
  };
  mkdirSync(home, { recursive: true });
  const project = join(home, "project");
  rmSync(project, { recursive: true, force: true });
  const papo = (...args: readonly string[]): number | null =>
    run(process.execPath, [join(root, "recipes/papo.mjs"), ...args], { cwd: home });
  if (!step("papo init", papo("init", project) === 0)) return rows;
  const file = join(project, "run.ts");
  writeFileSync(file, runFile);
  const output = join(project, "logged");
  const done = (): number =>
    existsSync(join(output, "metrics.jsonl"))
      ? readFileSync(join(output, "metrics.jsonl"), "utf8").split("\n").length - 1
      : 0;
  // The third step is logged, and no checkpoint holds it: it comes again.
  const ended = await killWhen(["train", file], home, () => done() >= 3);
  step(
    "a run with four loggers, killed after its third step",
    ended === "SIGKILL",
    `ended by ${ended} after ${done()} steps`,
  );
  if (!step("the same run, resumed", papo("train", file, "--resume") === 0 && done() === steps, `${done()} steps`))
    return rows;
  const folder = peers();
  if (!step("the peers' packages", folder !== null)) return rows;
  const python = join(folder!, process.platform === "win32" ? "Scripts/python.exe" : "bin/python");
  step("TensorBoard, Trackio and Weights & Biases read back", run(python, [reader, output]) === 0);
  return rows;
}

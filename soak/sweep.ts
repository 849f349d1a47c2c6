/**
 * A sweep that is killed while its runs are under way, or between them, and gone on with: its runs must end as those of
 * one that was left alone.
 */
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { killWhen } from "./killed-command.ts";
import { root, run, tally, type Result } from "./part.ts";
import { uniform } from "./smallest/random.ts";

const home = join(root, "runs/soak/sweep");
const [rates, steps] = [["1e-6", "1e-4"], 4];
const names = rates.map((rate) => `learningRate=${rate},seed=1`);
const fixed = [
  `steps=${steps}`,
  "promptsPerStep=1",
  "samplesPerPrompt=2",
  "checkpointEvery=1",
  "sampling.maxNewTokens=8",
];
const words = (output: string): string[] => [
  "sweep",
  join(root, "recipes/examples/run.ts"),
  "--vary",
  `settings.learningRate=${rates.join(",")}`,
  ...fixed.flatMap((set) => ["--set", `settings.${set}`]),
  "--set",
  "evaluation=null",
  "--output",
  output,
];

/** Steps that all runs of a sweep have done. */
const stepsIn = (output: string): number =>
  names.reduce((sum, name) => {
    const file = join(output, "runs", name, "metrics.jsonl");
    return sum + (existsSync(file) ? readFileSync(file, "utf8").split("\n").length - 1 : 0);
  }, 0);

/** What must be equal to the byte: runs' metrics, which hold no clock. */
const metricsOf = (output: string): string[] =>
  names.map((name) => readFileSync(join(output, "runs", name, "metrics.jsonl"), "utf8"));

export async function sweep(count: number): Promise<readonly Result[]> {
  rmSync(home, { recursive: true, force: true });
  mkdirSync(home, { recursive: true });
  const papo = (output: string): number | null =>
    run(process.execPath, [join(root, "recipes/papo.mjs"), ...words(output)], { cwd: home });
  const whole = join(home, "whole");
  if (papo(whole) !== 0) return [{ tried: "a sweep that nobody kills", found: "failed", held: false }];
  const losses: string[] = [];
  const met: number[] = [];
  for (let index = 0; index < count; index++) {
    const output = join(home, `killed-${index}`);
    const at = Math.floor(uniform("sweep", index) * rates.length * steps);
    const ended = await killWhen(words(output), home, () => stepsIn(output) >= at && existsSync(output));
    const lose = (what: string): void => void losses.push(`killed after ${at} steps: ${what}`);
    if (ended === "SIGKILL") met.push(stepsIn(output));
    if (papo(output) !== 0) lose("it does not go on");
    else if (metricsOf(output).join() !== metricsOf(whole).join()) lose("its runs end otherwise");
    else if (!existsSync(join(output, "table.md"))) lose("its table is missing");
  }
  return [
    tally(
      `a sweep of ${names.length} runs × ${steps} steps, killed and gone on with`,
      count,
      losses,
      losses.length === 0 ? `after ${met.join(", ")} steps of all` : undefined,
    ),
  ];
}

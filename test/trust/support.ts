/** Small runs of the real model. */
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  arrayDataset,
  learnerSettings,
  openPolicyInProcess,
  parseSettings,
  train,
  type Dataset,
  type Plugin,
  type RunSettingsInput,
  type Scorable,
  type TrainSummary,
} from "@papo/core";
import type { RowInput } from "../../core/data/dataset.ts";
import { root } from "../support/command-line.ts";
import { BanditPlugin, ScorerPlugin, temporaryFolder } from "../support/bandit.ts";

/** A Qwen2.5-VL of random weights. */
export const tinyModel = join(root, "test/golden/cases/models/tiny");

const made: string[] = [];

/** A folder that `removeFolders` removes: checkpoints of a real model are large. */
export function newFolder(): string {
  const folder = temporaryFolder();
  made.push(folder);
  return folder;
}

/** For `afterAll`. */
export function removeFolders(): void {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
}

/** A copy of the tiny model that a test may damage. */
export function copyOfTinyModel(): string {
  const folder = join(newFolder(), "model");
  cpSync(tinyModel, folder, { recursive: true });
  return folder;
}

/** Change a JSON file in place. */
export function editJson(file: string, change: (content: Record<string, unknown>) => Record<string, unknown>): void {
  writeFileSync(file, JSON.stringify(change(JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>)));
}

/** Even tokens are good ones: random weights give different rewards. */
export const shareOfEven = ({ response: { tokens } }: Scorable): number =>
  tokens.filter((token) => token % 2 === 0).length / tokens.length;

export const evenTokens = (): Plugin => new ScorerPlugin({ name: "even", score: shareOfEven });

export const textRows: Dataset = arrayDataset(
  ["Count.", "Look.", "Name it."].map((prompt) => ({ prompt })),
  "texts",
);

export const small: RunSettingsInput = {
  steps: 2,
  promptsPerStep: 2,
  samplesPerPrompt: 2,
  learningRate: 1e-3,
  checkpointEvery: 1,
  parityPrompts: 1,
  sampling: { maxNewTokens: 4 },
};

export interface SmallRun {
  readonly model?: string;
  readonly dataset?: Dataset;
  readonly rows?: readonly RowInput[];
  readonly plugins?: readonly Plugin[];
  readonly settings?: RunSettingsInput;
  readonly output?: string;
  readonly resume?: boolean;
}

export interface Outcome {
  readonly summary: TrainSummary | null;
  /** The message of the error that ended the run. */
  readonly error: string | null;
  readonly alarms: readonly string[];
  readonly skips: readonly string[];
  /** What the run said that it would do. */
  readonly plan: readonly string[];
  readonly output: string;
  /** Metrics of each step that was done. */
  readonly metrics: readonly Readonly<Record<string, number | string>>[];
}

/** Train the tiny model a little; an error is a result. */
export async function trainSmall(run: SmallRun = {}): Promise<Outcome> {
  const {
    model = tinyModel,
    rows,
    dataset = rows === undefined ? textRows : arrayDataset(rows),
    output = newFolder(),
    resume = false,
  } = run;
  const plugins = run.plugins ?? [evenTokens(), new BanditPlugin()];
  const settings = parseSettings({ ...small, ...run.settings });
  const [alarms, skips, plan]: [string[], string[], string[]] = [[], [], []];
  let [summary, error]: [TrainSummary | null, string | null] = [null, null];
  try {
    const policy = await openPolicyInProcess({ folder: model, ...learnerSettings(settings), threads: 1 });
    try {
      summary = await train({
        policy,
        plugins,
        dataset,
        settings,
        output,
        resume,
        onEvents: (events) => {
          events.on("alarm", ({ plugin, message }) => alarms.push(`${plugin}: ${message}`));
          events.on("plan", ({ lines }) => plan.push(...lines));
          events.on("skip", ({ what, reason }) => skips.push(`${what}: ${reason}`));
        },
      });
    } finally {
      await policy.close();
    }
  } catch (thrown) {
    error = (thrown as Error).message;
  }
  return { summary, error, alarms, skips, plan, output, metrics: readMetrics(output) };
}

function readMetrics(output: string): Outcome["metrics"] {
  const file = join(output, "metrics.jsonl");
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8")
    .trim()
    .split("\n")
    .filter((line) => line !== "");
  return lines.map((line) => (JSON.parse(line) as { metrics: Outcome["metrics"][number] }).metrics);
}

/** The trained weights in a checkpoint. */
export const weightsOf = (output: string, step: number): string =>
  join(output, "checkpoints", `step-${step}`, "policy", "model", "model.safetensors");

/** Cut a file in the middle. */
export const halve = (file: string): void => truncateSync(file, Math.floor(readFileSync(file).length / 2));

/** Change one bit in the middle of a file, whose size stays. */
export function flipBit(file: string): void {
  const bytes = readFileSync(file);
  const middle = bytes.length >> 1;
  bytes[middle] = bytes[middle]! ^ 1;
  writeFileSync(file, bytes);
}

/** Replace the first place of a text in a file. @throws Error where it is not there */
export function replaceIn(file: string, text: string, by: string): void {
  const content = readFileSync(file, "utf8");
  if (!content.includes(text)) throw new Error(`${file} does not hold ${text}`);
  writeFileSync(file, content.replace(text, by));
}

/** A folder inside the project, so that a run file in it finds the packages, with rows to train on. */
export function userFolder(parent: string): string {
  const folder = join(parent, `user-${Math.random().toString(36).slice(2)}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, "rows.jsonl"),
    ["Count.", "Look."].map((prompt) => `${JSON.stringify({ prompt, answer: "1" })}\n`).join(""),
  );
  return folder;
}

/** Write run.ts with fields changed (as source text) or, with null, left out. */
export function writeRunFile(folder: string, fields: Readonly<Record<string, string | null>> = {}): string {
  const usual: Record<string, string | null> = {
    model: JSON.stringify(tinyModel),
    data: '"rows.jsonl"',
    reward: "({ response }) => response.tokens.filter((token) => token % 2 === 0).length",
    plugins: "grpo()",
    settings: "{ steps: 2, promptsPerStep: 2, samplesPerPrompt: 2, checkpointEvery: 1, sampling: { maxNewTokens: 4 } }",
    output: '"out"',
  };
  const lines = Object.entries({ ...usual, ...fields }).flatMap(([name, source]) =>
    source === null ? [] : [`  ${name}: ${source},`],
  );
  const file = join(folder, "run.ts");
  writeFileSync(
    file,
    `import { dapo, grpo, papo } from "@papo/recipes";\nimport { FunctionRewardPlugin, LengthRewardPlugin } from "@papo/plugins";\n\nexport default {\n${lines.join("\n")}\n};\n`,
  );
  return file;
}

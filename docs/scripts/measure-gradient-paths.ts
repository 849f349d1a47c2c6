/**
 * Where each gradient of PAPO's terms moves a model that leans on a prior: `node --import tsx
 * docs/scripts/measure-gradient-paths.ts [questions]`, about a minute of one core.
 *
 * The shipped start of the task shortcut samples eight responses to each of some training questions. Then, from the
 * same weights each time, one update of AdamW along one gradient alone: all are as large, the learning rate, in every
 * parameter. What it changed is measured on unseen questions about which the prior is wrong: how likely it is to look,
 * that is log π of the response that reasons from the picture, less that of the one that follows the suggestion; and on
 * the sampled responses: the divergence that PAPO raises, and both of its sides.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createHost,
  evaluate,
  learnerSettings,
  openJsonl,
  openPolicyInProcess,
  parseSettings,
  type Policy,
  type Sample,
} from "@papo/core";
import { RandomMaskPlugin } from "@papo/plugins";
import { mean } from "../../recipes/app/evaluation/statistics.ts";
import { shapesScorers } from "../../recipes/app/tasks/shapes/judge.ts";
import { sharedSprites } from "../../recipes/app/tasks/shapes/examples.ts";
import { supervisedShortcut } from "../../recipes/app/tasks/shortcut/examples.ts";
import { shippedStart, taskOf } from "../../recipes/app/tasks/task.ts";

type LearnerBatch = Parameters<Policy["learner"]["score"]>[0];

const questions = Number(process.argv[2] ?? 64);
const [samplesPerPrompt, learningRate, cap] = [8, 1e-4, 10];
const task = taskOf({ task: "shortcut:suggestion", strength: 0.6 });
const folder = mkdtempSync(join(tmpdir(), "gradient-paths-"));

const policy = await openPolicyInProcess({ folder: shippedStart, threads: 1, ...learnerSettings(parseSettings()) });
const { learner, processor } = policy;

const dataset = await openJsonl(
  await task.writeRows(join(folder, "train"), { split: "train", seed: 2, count: questions }),
);
const rows = await Promise.all(Array.from({ length: questions }, async (_, index) => dataset.row(index)));
const views = [...createHost([new RandomMaskPlugin()], { seed: 1 }).views.values()];
const samples = await evaluate({
  policy,
  rows,
  scorers: shapesScorers(),
  views,
  samplesPerPrompt,
  sampling: { temperature: 1, maxNewTokens: 32 },
});

/** The sampled responses under a view. */
const under = (view: string): LearnerBatch => ({
  prompts: samples.map((sample) => sample.views.get(view)!),
  rows: samples.map(({ response }, prompt) => ({ prompt, tokens: response.tokens })),
  temperature: 1,
});
const [seen, masked] = [under("original"), under("masked")];
const T = Math.max(...samples.map(({ response }) => response.tokens.length));
const counted = samples
  .flatMap(({ response }, row) =>
    Array.from({ length: T }, (_, at) => ({ row, at: row * T + at, counts: at < response.tokens.length })),
  )
  .filter(({ counts }) => counts);

const scoresOf = async (batch: LearnerBatch): Promise<Float32Array> =>
  (await learner.score(batch, ["logProbs"])).logProbs!;

/**
 * What is asked of unseen questions: the response that looks and the one that follows the suggestion, which is wrong.
 */
const asked = await pairs();

async function pairs(): Promise<{ readonly looking: LearnerBatch; readonly following: LearnerBatch }> {
  const sprites = await sharedSprites();
  const batchOf = async (leanShare: number): Promise<LearnerBatch> => {
    const examples = Array.from({ length: questions }, (_, index) =>
      supervisedShortcut(index, { prior: "suggestion", split: "test", seed: 2, rightShare: 0, leanShare }, sprites),
    );
    const prompts = await Promise.all(
      examples.map(async ({ row, picture }) => processor.encodePrompt(row, await processor.encodePictures([picture]))),
    );
    return {
      prompts,
      rows: examples.map(({ response }, prompt) => ({ prompt, tokens: processor.encodeResponse(response) })),
      temperature: 1,
    };
  };
  return { looking: await batchOf(0), following: await batchOf(1) };
}

interface State {
  readonly looking: number;
  readonly following: number;
  readonly kl: number;
  readonly seen: number;
  readonly masked: number;
}

async function stateNow(): Promise<State> {
  const perResponse = async (batch: LearnerBatch): Promise<number> =>
    (await scoresOf(batch)).reduce((sum, value) => sum + value, 0) / questions;
  const [l, a] = [await scoresOf(seen), await scoresOf(masked)];
  const over = (of: (at: number) => number): number => mean(counted.map(({ at }) => of(at)));
  return {
    looking: await perResponse(asked.looking),
    following: await perResponse(asked.following),
    kl: over((at) => Math.min(cap, k3(a[at]! - l[at]!))),
    seen: over((at) => l[at]!),
    masked: over((at) => a[at]!),
  };
}

const k3 = (x: number): number => Math.exp(x) - x - 1;

/** Advantage of each response: (r − mean) / (std + 1e-6) over its prompt's. */
const advantages = Array.from({ length: questions }, (_, prompt) =>
  samples.slice(prompt * samplesPerPrompt, (prompt + 1) * samplesPerPrompt),
).flatMap((group: readonly Sample[]) => {
  const rewards = group.map(({ reward }) => reward);
  const centre = mean(rewards);
  const deviation = Math.sqrt(rewards.reduce((sum, reward) => sum + (reward - centre) ** 2, 0) / (rewards.length - 1));
  return rewards.map((reward) => (reward - centre) / (deviation + 1e-6));
});

const [l, a] = [await scoresOf(seen), await scoresOf(masked)];
/** d loss / d log-prob of each counted token, mean over tokens. */
const cotangent = (of: (at: number, row: number) => number): Float32Array => {
  const array = new Float32Array(samples.length * T);
  for (const { row, at } of counted) array[at] = of(at, row) / counted.length;
  return array;
};
/** k3 is held at 10 and log ratios within 20, and has no gradient there. */
const free = (at: number): boolean => k3(a[at]! - l[at]!) < cap && Math.abs(a[at]! - l[at]!) < 20;
/** Of −k3, x = log π_mask − log π: by log π it is −(1 − eˣ), by log π_mask the same the other way. */
const bySeen = (at: number): number => (free(at) ? Math.exp(a[at]! - l[at]!) - 1 : 0);

type Path = readonly (readonly [batch: LearnerBatch, logProbs: Float32Array])[];
const raised = (at: number): boolean => a[at]! > l[at]!;
const [throughSeen, throughMasked]: [Path[number], Path[number]] = [
  [seen, cotangent(bySeen)],
  [masked, cotangent((at) => -bySeen(at))],
];
const paths: Readonly<Record<string, Path>> = {
  "policy gradient alone": [[seen, cotangent((_, row) => -advantages[row]!)]],
  "KL, through log π (official mode)": [throughSeen],
  "… of it, tokens that the mask makes less likely: pushed up": [
    [seen, cotangent((at) => (raised(at) ? 0 : bySeen(at)))],
  ],
  "… of it, tokens that the mask makes likelier: pushed down": [
    [seen, cotangent((at) => (raised(at) ? bySeen(at) : 0))],
  ],
  "KL, through log π_mask alone": [throughMasked],
  "KL, through both (paper mode)": [throughSeen, throughMasked],
  "entropy of π": [[seen, cotangent(() => -1)]],
  "entropy of π_mask (paper mode)": [[masked, cotangent(() => -1)]],
};

await learner.save(folder, "weights");
const before = await stateNow();
const write = (text: string): void => void process.stdout.write(`${text}\n`);
const signed = (value: number, digits: number): string => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(digits)}`;
write(
  `${questions} questions, ${samples.length} responses, one update at ${learningRate}. Before: looking ${before.looking.toFixed(3)}, following ${before.following.toFixed(3)}, KL ${before.kl.toFixed(4)}, log π ${before.seen.toFixed(4)}, log π_mask ${before.masked.toFixed(4)} nats.\n`,
);
write(
  "| gradient | looking less following, nats | looking | following | KL | log π | log π_mask | norm |\n|---|---|---|---|---|---|---|---|",
);
for (const [name, path] of Object.entries(paths)) {
  await learner.load(folder);
  for (const [batch, logProbs] of path) await learner.backward(batch, { logProbs });
  const { gradientNorm } = await learner.step({ learningRate });
  const after = await stateNow();
  const change = (of: keyof State): number => after[of] - before[of];
  write(
    `| ${[name, signed(change("looking") - change("following"), 3), signed(change("looking"), 3), signed(change("following"), 3), signed(change("kl"), 4), signed(change("seen"), 4), signed(change("masked"), 4), gradientNorm.toPrecision(2)].join(" | ")} |`,
  );
}
await policy.close();
rmSync(folder, { recursive: true });

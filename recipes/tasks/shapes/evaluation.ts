/** Measure a policy on scenes it has not seen: accuracies, error classes, and how much its words depend on the picture. */
import { createHost, evaluate, klDivergence, type Policy, type Row, type Sample, type View } from "@papo/core";
import { RandomMaskPlugin } from "@papo/plugins";
import { tensor2d, tidy, type Tensor2D } from "@tensorflow/tfjs-core";
import { judgeRow, shapesScorers } from "./judge.ts";
import { type Judged, summarize, type Summary } from "./statistics.ts";
import { readFields } from "./truth.ts";

/** Longest response of the task with room to spare, tokens. */
const maxNewTokens = 40;

export interface ShapesEvaluation {
  readonly greedy: Summary;
  /** One sample per question at T = 1; null when none was asked for. */
  readonly sampled: Summary | null;
  /** Mean k3 between the policy with the picture and with the masked one, over tokens of greedy answers that need the picture, nats. */
  readonly klPrcp: number;
  /** Greedy answers, question by question, for paired comparisons. */
  readonly outcomes: readonly { readonly id: string; readonly correct: boolean; readonly visionDependent: boolean }[];
}

export interface ShapesEvaluationOptions {
  readonly policy: Policy;
  readonly rows: readonly Row[];
  /** Rows sampled at T = 1; default all; none leaves that measure out. */
  readonly sampledRows?: readonly Row[];
  readonly seed?: number;
  readonly onProgress?: (done: number, total: number) => void;
}

export async function evaluateShapes({ policy, rows, sampledRows = rows, seed = 1, onProgress }: ShapesEvaluationOptions): Promise<ShapesEvaluation> {
  const total = rows.length + sampledRows.length;
  const mask = maskedView(seed);
  const common = { policy, scorers: shapesScorers(), seed, promptsPerChunk: 64 };
  const greedySampling = { temperature: 0, maxNewTokens };
  const greedy = await evaluate({ ...common, rows, views: [mask], sampling: greedySampling, onProgress: (done) => onProgress?.(done, total) });
  const sampled = await evaluate({ ...common, rows: sampledRows, sampling: { temperature: 1, maxNewTokens }, onProgress: (done) => onProgress?.(rows.length + done, total) });
  return {
    greedy: summarize(greedy.map(judged)),
    sampled: sampledRows.length === 0 ? null : summarize(sampled.map(judged)),
    klPrcp: await perceptionKl(policy, greedy.filter((sample) => readFields(sample.prompt.row).visionDependent), mask.name),
    outcomes: greedy.map((sample) => ({
      id: sample.prompt.row.id,
      correct: judgeRow(sample.response.text, sample.prompt.row).correct,
      visionDependent: readFields(sample.prompt.row).visionDependent,
    })),
  };
}

/** Greedy accuracy with each question's picture swapped for another scene's: what the model does not see. */
export async function evaluateSwapped(policy: Policy, swappedRows: readonly Row[]): Promise<Summary> {
  const samples = await evaluate({ policy, rows: swappedRows, scorers: shapesScorers(), sampling: { temperature: 0, maxNewTokens }, promptsPerChunk: 64 });
  return summarize(samples.map(judged));
}

function judged({ prompt: { row }, response }: Sample): Judged {
  const { kind, visionDependent } = readFields(row);
  return { kind, visionDependent, judgement: judgeRow(response.text, row) };
}

/** The view of RandomMaskPlugin as it is published: 60 % of 14-pixel squares black. */
function maskedView(seed: number): View {
  const [view] = createHost([new RandomMaskPlugin()], { seed }).views.values();
  if (!view) throw new Error("RandomMaskPlugin registered no view");
  return view;
}

/** Mean over tokens of k3 with the method's clamps (arXiv:2507.06448). */
async function perceptionKl({ learner }: Policy, samples: readonly Sample[], view: string): Promise<number> {
  let sum = 0;
  let tokens = 0;
  for (let start = 0; start < samples.length; start += 128) {
    const chunk = samples.slice(start, start + 128);
    const rows = chunk.map(({ response }, prompt) => ({ prompt, tokens: response.tokens }));
    const T = Math.max(...rows.map((row) => row.tokens.length));
    const score = async (name: string): Promise<Float32Array> => {
      const prompts = chunk.map(({ prompt }) => prompt.views.get(name) ?? missingView(name, prompt.row));
      const { logProbs } = await learner.score({ prompts, rows, temperature: 1 }, ["logProbs"]);
      return logProbs ?? new Float32Array(rows.length * T);
    };
    const [original, masked] = [await score("original"), await score(view)];
    const array = (values: Float32Array): Tensor2D => tensor2d(values, [rows.length, T]);
    sum += tidy(() => klDivergence("k3", array(original), array(masked), { logRatio: 20, result: 10 }).sum().arraySync() as number);
    tokens += rows.reduce((count, row) => count + row.tokens.length, 0);
  }
  return tokens === 0 ? 0 : sum / tokens;
}

function missingView(name: string, row: Row): never {
  throw new Error(`row ${row.id} has no view "${name}"`);
}

/** What the tokens of an answer owe to its picture: their log-probs with the real one, and with a changed one. */
import { klDivergence, learnerRow, type Policy, type Sample } from "@papo/core";
import { tensor2d, tidy, type Tensor2D } from "@tensorflow/tfjs-core";
import type { ChangedPictures } from "./pictures.ts";
import type { Answer } from "./question.ts";

/** Tokens scored together, prompts included. */
const together = 32_768;

/** For each sample, under each condition that its row has. */
export async function looksOf(
  policy: Policy,
  samples: readonly Sample[],
  conditions: readonly ChangedPictures[],
): Promise<Answer["under"][]> {
  const looks = new Map(samples.map((sample) => [sample, {} as Record<string, { lost: number; kl: number }>]));
  const seen = samples.filter(
    ({ prompt, response }) => response.tokens.length > 0 && conditions.some(({ applies }) => applies(prompt.row)),
  );
  const real = await logProbsOf(policy, seen, "original");
  for (const { condition, view, applies } of conditions) {
    const own = seen.filter(({ prompt }) => applies(prompt.row));
    for (const [sample, other] of await logProbsOf(policy, own, view.name))
      looks.get(sample)![condition] = compared(real.get(sample)!, other);
  }
  return samples.map((sample) => looks.get(sample)!);
}

function compared(real: Float32Array, other: Float32Array): { lost: number; kl: number } {
  const row = (values: Float32Array): Tensor2D => tensor2d(values, [1, values.length]);
  return { lost: sum(real) - sum(other), kl: tidy(() => sum(klDivergence("k3", row(real), row(other)).dataSync())) };
}

const sum = (values: ArrayLike<number>): number => Array.from(values).reduce((total, value) => total + value, 0);

/** log π at T = 1 of each sample's own tokens, under a view of its prompt. */
async function logProbsOf(
  policy: Policy,
  samples: readonly Sample[],
  view: string,
): Promise<Map<Sample, Float32Array>> {
  const found = new Map<Sample, Float32Array>();
  for (const chunk of chunksOf(samples)) {
    const asked = [...new Set(chunk.map(({ prompt }) => prompt))];
    const rows = chunk.map(({ prompt, response }) => learnerRow(asked.indexOf(prompt), response));
    const { logProbs } = await policy.learner.score(
      { prompts: asked.map(({ views }) => views.get(view)!), rows, temperature: 1 },
      ["logProbs"],
    );
    if (logProbs === undefined) throw new Error("the learner was asked for log-probs and gave none");
    const T = logProbs.length / chunk.length;
    for (const [row, sample] of chunk.entries())
      found.set(sample, logProbs.slice(row * T, row * T + sample.response.tokens.length));
  }
  return found;
}

function chunksOf(samples: readonly Sample[]): Sample[][] {
  const chunks: Sample[][] = [];
  let tokens = Infinity;
  for (const sample of samples) {
    const own = sample.prompt.views.get("original")!.ids.length + sample.response.tokens.length;
    if (tokens + own > together) {
      chunks.push([]);
      tokens = 0;
    }
    chunks.at(-1)!.push(sample);
    tokens += own;
  }
  return chunks;
}

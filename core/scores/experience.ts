/**
 * What the learner says of a step's responses: the arrays that plugins asked for, computed once per weights and view.
 */
import { DivergedError } from "../learner/diverged-error.ts";
import type { Products } from "../graph/executor.ts";
import type { Against, Learner, LearnerBatch, LearnerRow, Output, Outputs } from "../learner/learner.ts";
import type { EncodedPrompt } from "../model/model.ts";
import { firstNotFinite } from "../math/first-not-finite.ts";
import { permutation, type Random } from "../math/random.ts";
import { givenTokens, type Response, type Sample } from "../contracts/step/sample.ts";
import { byOtherSide, type OtherSide, type PlannedScore } from "../contracts/registered/scores.ts";
import type { Stopwatch } from "./stopwatch.ts";

/** Arrays [B, T] by score key, row-major, 0 past each response's end. */
export type ScoreArrays = Map<string, Float32Array>;

/** T: the longest response. */
export function longestOf(samples: readonly Pick<Sample, "response">[]): number {
  return samples.reduce((longest, { response }) => Math.max(longest, response.tokens.length), 0);
}

/** Samples under views of their prompts, each prompt once; a sample's rows are one for each view, side by side. */
export function learnerBatch(
  samples: readonly Sample[],
  views: readonly string[],
  temperature: number,
  against: OtherSide | null = null,
): LearnerBatch {
  const indexOf = new Map<EncodedPrompt, number>();
  const rows = samples.flatMap((sample) =>
    views.map((view) => {
      const encoded = viewOf(sample, view);
      const index = indexOf.get(encoded) ?? indexOf.size;
      indexOf.set(encoded, index);
      return learnerRow(index, sample.response);
    }),
  );
  const batch = { prompts: [...indexOf.keys()], rows, temperature };
  return against === null ? batch : { ...batch, against: againstOf(samples, views.length, against) };
}

/** A response as the learner gets it. @param prompt index of its prompt in the batch */
export function learnerRow(prompt: number, response: Pick<Response, "segments" | "tokens">): LearnerRow {
  const given = givenTokens(response);
  return { prompt, tokens: response.tokens, ...(given === undefined ? {} : { given }) };
}

/** The other side of divergences, row for row. */
function againstOf(samples: readonly Sample[], views: number, { view, weights }: OtherSide): Against {
  const { prompts, rows } = learnerBatch(samples, [view], 1);
  const kept = keptWeights(weights);
  return {
    prompts,
    promptOf: rows.flatMap(({ prompt }) => new Array<number>(views).fill(prompt)),
    ...(kept === undefined ? {} : { weights: kept }),
  };
}

/** A sample's prompt under a view. @throws Error naming the views there are */
export function viewOf({ prompt, views }: Pick<Sample, "prompt" | "views">, view: string): EncodedPrompt {
  const encoded = views.get(view);
  if (encoded === undefined)
    throw new Error(`Prompt "${prompt.key}" has no view "${view}"; it has ${[...views.keys()].join(", ")}`);
  return encoded;
}

/**
 * Compute planned scores. Views that want the same outputs of the same weights go through the learner together, which
 * computes once what their prompts have in common (the text before a picture); all else has a pass of its own. "old"
 * and "current" are the weights of the moment; that they are the right ones is the caller's affair.
 */
export async function scoreSamples(
  learner: Learner,
  samples: readonly Sample[],
  scores: readonly Wanted[],
  temperature: number,
  { watch, random }: ScoringOptions = {},
): Promise<ScoreArrays> {
  const arrays: ScoreArrays = new Map();
  const T = longestOf(samples);
  for (const { weights, outputs, products, share, views, against } of passes(scores)) {
    const rows = share < 1 && random !== undefined ? someRows(samples, share, random) : [...samples.keys()];
    const chosen = rows.map((row) => samples[row]!);
    const shorter = longestOf(chosen);
    const scoring = learner.score(
      learnerBatch(chosen, [...views.keys()], temperature, against),
      outputs,
      keptWeights(weights),
      products,
    );
    // The other side of a divergence is a pass of its own.
    const others =
      against === null ? [] : [[...views.values()].flat().filter((score) => (score.against ?? null) !== null)];
    const result = await (watch?.charge([...views.values(), ...others].map(askers), scoring) ?? scoring);
    [...views.values()].forEach((targets, view) => {
      for (const { key, output } of targets) {
        const array = checked(result, output, chosen.length * views.size * shorter, key);
        const own =
          views.size === 1
            ? array
            : takeRows(
                array,
                shorter,
                chosen.map((_, row) => row * views.size + view),
                shorter,
              );
        arrays.set(key, placeRows(own, rows, shorter, samples.length, T));
      }
    });
  }
  return arrays;
}

/** Whose a view's part of a pass is; one that every step makes anyway is nobody's. */
const askers = (targets: readonly Wanted[]): string[] =>
  targets.some(({ plugins }) => plugins === undefined)
    ? []
    : [...new Set(targets.flatMap(({ plugins }) => plugins ?? []))];

export interface ScoringOptions {
  readonly watch?: Stopwatch;
  /** What a share of the responses is drawn with; without it all are scored. */
  readonly random?: Random;
}

/** Rows of a share of each prompt's responses, at least one, in order. */
function someRows(samples: readonly Sample[], share: number, random: Random): number[] {
  const byPrompt = new Map<string, { readonly key: string; readonly rows: number[] }>();
  samples.forEach(({ prompt: { key, origin } }, row) => {
    // A group of an earlier step may be of the same row.
    const prompt = `${origin?.step ?? ""} ${key}`;
    byPrompt.set(prompt, { key, rows: [...(byPrompt.get(prompt)?.rows ?? []), row] });
  });
  const chosen = [...byPrompt.values()].flatMap(({ key, rows }) =>
    [...permutation(random.key(key), rows.length).subarray(0, Math.max(1, Math.round(share * rows.length)))].map(
      (index) => rows[index]!,
    ),
  );
  return chosen.sort((a, b) => a - b);
}

/** An array [rows, shorter] as rows of one [B, T]; the others are NaN. */
function placeRows(array: Float32Array, rows: readonly number[], shorter: number, B: number, T: number): Float32Array {
  if (rows.length === B) return array;
  const whole = new Float32Array(B * T).fill(NaN);
  rows.forEach((row, index) =>
    whole.fill(0, row * T, (row + 1) * T).set(array.subarray(index * shorter, (index + 1) * shorter), row * T),
  );
  return whole;
}

/**
 * The name under which the learner keeps such weights; undefined for the current ones, which "old" are when they are
 * asked for.
 */
export function keptWeights(weights: string): string | undefined {
  return weights === "current" || weights === "old" ? undefined : weights;
}

/** An array to compute. */
export type Wanted = Pick<PlannedScore, "key" | "view" | "weights" | "output"> &
  Partial<Pick<PlannedScore, "against">> & {
    /** Who asks for it; absent for what every step needs. */
    readonly plugins?: readonly string[];
    /** Default 1. */
    readonly share?: number;
    /** The roughest products that will do; default "float32". */
    readonly products?: Products;
  };

/** What goes through the learner together. */
interface Pass {
  readonly weights: PlannedScore["weights"];
  readonly outputs: readonly Output[];
  readonly products: Products | undefined;
  readonly share: number;
  /** Of the divergences among the outputs. */
  readonly against: OtherSide | null;
  readonly views: Map<string, readonly Wanted[]>;
}

function passes(scores: readonly Wanted[]): Pass[] {
  const byView = new Map<string, Wanted[]>();
  for (const score of scores) {
    const key = `${score.view} ${score.weights}`;
    byView.set(key, [...(byView.get(key) ?? []), score]);
  }
  const found = new Map<string, Pass>();
  for (const { targets, against } of [...byView.values()].flatMap(withOneSide)) {
    const { view, weights } = targets[0]!;
    const outputs = [...new Set(targets.map(({ output }) => output))].sort();
    const share = Math.max(...targets.map(({ share: asked }) => asked ?? 1));
    const products = targets.every(({ products: allowed }) => allowed === "int8") ? "int8" : undefined;
    const side = against === null ? [] : [view, against.view, against.weights];
    const key = [weights, products, share, ...outputs, ...side].join(" ");
    const pass = found.get(key) ?? {
      weights,
      outputs,
      products,
      share,
      against,
      views: new Map<string, readonly Wanted[]>(),
    };
    pass.views.set(view, targets);
    found.set(key, pass);
  }
  return [...found.values()];
}

/** A batch has one other side: outputs that need none go with the first. */
function withOneSide(
  targets: readonly Wanted[],
): { readonly targets: readonly Wanted[]; readonly against: OtherSide | null }[] {
  const sides = byOtherSide(targets);
  const plain = targets.filter(({ against = null }) => against === null);
  if (sides.length === 0) return [{ targets: plain, against: null }];
  return sides.map(({ scores, against }, index) => ({
    targets: index === 0 ? [...plain, ...scores] : scores,
    against,
  }));
}

function checked(result: Outputs, output: Output, size: number, key: string): Float32Array {
  const array = result[output];
  if (array === undefined) throw new Error(`The learner was asked for ${output} (${key}) and did not give it`);
  if (array.length !== size)
    throw new Error(`The learner gave ${array.length} numbers for ${key}, the batch has ${size}`);
  const bad = firstNotFinite(array);
  if (bad >= 0)
    throw new DivergedError(
      `The learner gave ${array[bad]} for ${key}: the weights may have diverged; lower the learning rate`,
    );
  return array;
}

/** Rows of an array [B, T] as [rows, T'] with T' ≤ T; what is cut off must be padding. */
export function takeRows(array: Float32Array, T: number, rows: readonly number[], shorter: number): Float32Array {
  const taken = new Float32Array(rows.length * shorter);
  rows.forEach((row, index) => taken.set(array.subarray(row * T, row * T + shorter), index * shorter));
  return taken;
}

/** Difference of the sampler's and the learner's log-probs over a step's tokens. */
export interface Parity {
  readonly max: number;
  readonly mean: number;
  /** Where the largest is. */
  readonly worst: { readonly sample: number; readonly token: number };
}

/**
 * Compare the sampler's log-probs with the learner's, [B, T], over responses sampled from the view that was scored. NaN
 * counts as an infinite difference.
 * @param comparable whether a sample's response comes from the weights that were scored with; default: all do
 */
export function compareLogProbs(
  samples: readonly Sample[],
  learner: Float32Array,
  comparable: (sample: number) => boolean = () => true,
): Parity {
  const T = longestOf(samples);
  let [max, sum, count] = [0, 0, 0];
  let worst = { sample: 0, token: 0 };
  samples.forEach(({ response }, sample) => {
    if (response.view !== "original" || !comparable(sample)) return;
    const flags = givenTokens(response)?.flags;
    response.logProbs.forEach((logProb, token) => {
      if (flags?.[token] === 1) return;
      const distance = Math.abs(logProb - learner[sample * T + token]!);
      const difference = Number.isNaN(distance) ? Infinity : distance;
      if (difference > max) [max, worst] = [difference, { sample, token }];
      sum += difference;
      count++;
    });
  });
  return { max, mean: count === 0 ? 0 : sum / count, worst };
}

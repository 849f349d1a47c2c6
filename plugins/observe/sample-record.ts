/** One response as a line of samples.jsonl: what a reader needs to see why it got its reward. */
import { klDivergence } from "@papo/core";
import type { Experience, Sample } from "@papo/core";
import { tensor2d, tidy } from "@tensorflow/tfjs-core";
import type { Tensor2D } from "@tensorflow/tfjs-core";

/** A picture of a prompt, as file names relative to the run's folder. */
export interface PictureRecord {
  /** File of every view, "original" included. */
  readonly views: Readonly<Record<string, string>>;
}

export interface SampleRecord {
  readonly step: number;
  /** The row's id. */
  readonly key: string;
  /** Index of the response in its group. */
  readonly index: number;
  readonly question: string;
  readonly answer: string;
  readonly text: string;
  readonly finish: "stop" | "length";
  readonly tokens: readonly number[];
  /** Stretches of them that an environment wrote, first and after the last; absent where there are none. */
  readonly given?: readonly (readonly [from: number, end: number])[];
  /** The text of each token; empty when the plugin was given no decoder. */
  readonly pieces: readonly string[];
  readonly reward: number;
  readonly parts: Readonly<Record<string, number>>;
  readonly notes: Readonly<Record<string, string>>;
  /** log π(token) by the sampler, one per token. */
  readonly logProbs: readonly number[];
  /** One per token; empty when the step has none. */
  readonly advantages: readonly number[];
  /**
   * Entropy of the whole distribution before each token, nats, by the weights that sampled where they were asked; empty
   * where no plugin asks for it.
   */
  readonly entropy: readonly number[];
  /** Per token, k3 of KL[π ‖ π_view] in nats; one list per view that was scored. */
  readonly perceptionKl: Readonly<Record<string, readonly number[]>>;
  readonly pictures: readonly PictureRecord[];
}

/** A sample with its row in the experience's arrays. */
export interface Chosen {
  readonly sample: Sample;
  readonly row: number;
}

/**
 * A few samples of a step, chosen by rule so that two runs show the same: one per prompt in batch order, alternately
 * the best and the worst response of its prompt (the first of equals).
 */
export const chooseSamples = (samples: readonly Sample[], count: number): Chosen[] => {
  const byPrompt = new Map<string, Chosen[]>();
  samples.forEach((sample, row) => {
    const key = sample.prompt.key;
    byPrompt.set(key, [...(byPrompt.get(key) ?? []), { sample, row }]);
  });
  return [...byPrompt.values()].slice(0, count).flatMap((group, position) => {
    const sign = position % 2 === 0 ? 1 : -1;
    return group.reduce<Chosen[]>(([best], next) => {
      return best === undefined || sign * (next.sample.reward - best.sample.reward) > 0 ? [next] : [best];
    }, []);
  });
};

/** Five significant digits: what a report can show, at a third of the file's size. Not a number becomes 0. */
const shorten = (value: number): number => (Number.isFinite(value) ? Number(value.toPrecision(5)) : 0);

/** One row of an array [B, T], as long as the response. */
const rowOf = (array: Float32Array | undefined, row: number, T: number, length: number): Float32Array | null =>
  array === undefined ? null : array.subarray(row * T, row * T + length);

/** k3 of KL[π ‖ π_view] per token (PAPO, arXiv:2507.06448, section 3), with the clamps of its release, nats. */
const perceptionKlOf = (viewed: Float32Array, original: Float32Array): number[] => {
  const row = (values: Float32Array): Tensor2D => tensor2d(values, [1, values.length]);
  return tidy(() => Array.from(klDivergence("k3", row(original), row(viewed)).dataSync(), shorten));
};

/**
 * Keys of the log-probs under each view but the original, by view: those of the sampling weights where both are there.
 */
const logProbArrays = (keys: readonly string[]): Map<string, string> => {
  const found = new Map<string, string>();
  for (const weights of ["old", "current"]) {
    const ending = `/${weights}/logProbs`;
    for (const key of keys.filter((candidate) => candidate.endsWith(ending))) {
      const view = key.slice(0, -ending.length);
      if (view !== "original" && !found.has(view)) found.set(view, key);
    }
  }
  return found;
};

/** A row of the original view's entropies; none where nobody asked for them in this step, all zeros then. */
function entropyOf(arrays: Experience["arrays"], row: number, T: number, length: number): number[] {
  const found = ["old", "current"]
    .map((weights) => rowOf(arrays[`original/${weights}/entropy`], row, T, length))
    .find((values) => values?.some((value) => value !== 0));
  return found === undefined || found === null ? [] : Array.from(found, shorten);
}

function givenOf({ segments }: Sample["response"]): Pick<SampleRecord, "given"> {
  let at = 0;
  const given = segments.flatMap(({ source, tokens }) => {
    const from = at;
    at += tokens.length;
    return source === "environment" ? [[from, at] as const] : [];
  });
  return given.length === 0 ? {} : { given };
}

/** The record of a chosen sample; `pieces` and `pictures` are made by the plugin. */
export const recordOf = (
  { sample, row }: Chosen,
  { step, T, arrays }: Experience,
  pieces: readonly string[],
  pictures: readonly PictureRecord[],
): SampleRecord => {
  const { prompt, response } = sample;
  const length = response.tokens.length;
  const perceptionKl: Record<string, readonly number[]> = {};
  for (const [view, key] of logProbArrays(Object.keys(arrays))) {
    const viewed = rowOf(arrays[key], row, T, length);
    // All zeros: the score was not computed in this step, because its coefficient is 0.
    if (viewed?.some((value) => value !== 0) === true) perceptionKl[view] = perceptionKlOf(viewed, response.logProbs);
  }
  return {
    step,
    key: prompt.key,
    index: response.index,
    question: prompt.row.prompt,
    answer: prompt.row.answer,
    text: response.text,
    finish: response.finish,
    tokens: [...response.tokens],
    ...givenOf(response),
    pieces,
    reward: shorten(sample.reward),
    parts: sample.parts,
    notes: sample.notes,
    logProbs: Array.from(response.logProbs, shorten),
    advantages: Array.from(rowOf(arrays["advantages"], row, T, length) ?? [], shorten),
    entropy: entropyOf(arrays, row, T, length),
    perceptionKl,
    pictures,
  };
};

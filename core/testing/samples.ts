/** Samples and groups with the fields that a test names, and plain values for the rest. */
import type { Group, Prompt, Sample } from "../pipeline/batch.ts";
import type { Picture } from "../model/picture.ts";

export interface SampleInput {
  /** The prompt's key; default "prompt-0". */
  readonly prompt?: string;
  /** Index in its group; default 0. */
  readonly index?: number;
  /** Number of tokens; default 1. */
  readonly length?: number;
  readonly text?: string;
  readonly finish?: "stop" | "length";
  readonly reward?: number;
  readonly parts?: Readonly<Record<string, number>>;
  /** The row's answer; default "". */
  readonly answer?: string;
  /** Number of pictures in the prompt, each one black pixel; default 1. */
  readonly pictures?: number;
}

const pixel: Picture = { width: 1, height: 1, data: new Uint8Array(3), source: "one black pixel" };

export function makeSample(input: SampleInput = {}): Sample {
  const { prompt: key = "prompt-0", index = 0, length = 1, text = "", finish = "stop", reward = 0, parts = {}, answer = "", pictures = 1 } = input;
  const tokens = new Int32Array(length);
  const row = { id: key, prompt: "", system: null, images: [], answer, fields: {} };
  const encoded = { ids: new Int32Array(0), pictures: [] };
  const prompt: Prompt = { key, row, pictures: Array.from({ length: pictures }, () => pixel), views: new Map([["original", encoded]]) };
  const logProbs = new Float32Array(length);
  const response = { index, segments: [{ source: "policy", tokens }] as const, tokens, text, logProbs, behaviourLogProbs: logProbs, finish };
  return { prompt, response, scored: reward, reward, parts, notes: {} };
}

export interface GroupInput {
  readonly key?: string;
  readonly samples: readonly Sample[];
  /** Refill round; default 0. */
  readonly round?: number;
}

export function makeGroup({ key = "prompt-0", samples, round = 0 }: GroupInput): Group {
  const prompt = samples[0]?.prompt ?? makeSample({ prompt: key }).prompt;
  return { key, prompt, samples, round };
}

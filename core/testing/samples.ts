/** Samples and groups with the fields that a test names, and plain values for the rest. */
import type { JudgedGroup } from "../contracts/step/batch.ts";
import type { Prompt, Sample } from "../contracts/step/sample.ts";
import type { Picture } from "../model/processing/picture.ts";
import { isActive } from "../contracts/registered/scores.ts";

export interface SampleInput {
  /** The prompt's key; default "prompt-0". */
  readonly prompt?: string;
  /** Index in its group; default 0. */
  readonly index?: number;
  /** Number of tokens; default 1. */
  readonly length?: number;
  readonly text?: string;
  readonly finish?: "stop" | "length";
  /** The text with its special tokens; default: `text`. */
  readonly rawText?: string;
  /** What the chat template wrote before it; default "". */
  readonly opening?: string;
  readonly reward?: number;
  readonly parts?: Readonly<Record<string, number>>;
  /** The row's answer; default "". */
  readonly answer?: string;
  /** Further columns of its row; default none. */
  readonly fields?: Readonly<Record<string, unknown>>;
  /** Number of pictures in the prompt, each one black pixel; default 1. */
  readonly pictures?: number;
}

const pixel: Picture = { width: 1, height: 1, data: new Uint8Array(3), source: "one black pixel" };

export function makeSample(input: SampleInput = {}): Sample {
  const {
    prompt: key = "prompt-0",
    index = 0,
    length = 1,
    text = "",
    rawText = text,
    opening = "",
    finish = "stop",
    reward = 0,
    parts = {},
    answer = "",
    fields = {},
    pictures = 1,
  } = input;
  const tokens = new Int32Array(length);
  const row = { id: key, prompt: "", system: null, images: [], answer, fields };
  const encoded = { ids: new Int32Array(0), pictures: [] };
  const prompt: Prompt = {
    key,
    row,
    pictures: Array.from({ length: pictures }, () => pixel),
    views: new Map([["original", encoded]]),
  };
  const logProbs = new Float32Array(length);
  const response = {
    index,
    segments: [{ source: "policy", tokens, text }] as const,
    tokens,
    text,
    rawText,
    opening,
    logProbs,
    behaviourLogProbs: logProbs,
    view: "original",
    finish,
  };
  return { prompt, response, views: prompt.views, scored: reward, reward, parts, notes: {} };
}

export interface GroupInput {
  readonly key?: string;
  readonly samples: readonly Sample[];
  /** Refill round; default 0. */
  readonly round?: number;
  /** Default 1. */
  readonly step?: number;
  /**
   * What score requests of stage "rewards" get, one array per sample, by key (view/weights/output, and the target's
   * name).
   */
  readonly scores?: Readonly<Record<string, readonly (readonly number[])[]>>;
  /** Samples of auxiliary rollouts by name, a list per sample. */
  readonly auxiliary?: Readonly<Record<string, readonly (readonly Sample[])[]>>;
}

/** A group as the hook `rewards` sees it. */
export function makeGroup({
  key = "prompt-0",
  samples,
  round = 0,
  step = 1,
  scores = {},
  auxiliary = {},
}: GroupInput): JudgedGroup {
  const prompt = samples[0]?.prompt ?? makeSample({ prompt: key }).prompt;
  const given = <T>(all: Readonly<Record<string, T>>, name: string): T => {
    const found = all[name];
    if (found === undefined)
      throw new Error(`"${name}" is asked for and was not given (given are: ${Object.keys(all).join(", ") || "none"})`);
    return found;
  };
  return {
    key,
    prompt,
    samples,
    round,
    step,
    version: 0,
    get: (handle) =>
      isActive(handle)
        ? given(scores, handle.key).map((row) => Float32Array.from(row))
        : samples.map(() => new Float32Array(0)),
    auxiliary: (name) => given(auxiliary, name),
  };
}

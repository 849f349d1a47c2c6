/**
 * For authors of plugins: the loss of given numbers, and samples to feed hooks with. What a run does, without a model.
 */
import "./math/backend.ts";
import { createHost } from "./host/host.ts";
import type { Host } from "./host/host.ts";
import { computeAdvantages, computeLoss } from "./loss/loss.ts";
import type { TermValue } from "./loss/loss.ts";
import type { MinibatchArrays } from "./loss/loss-arrays.ts";
import type { Plugin } from "./contracts/plugin.ts";
import { makeGroup, makeSample } from "./testing/samples.ts";

export { makeGroup, makeSample } from "./testing/samples.ts";
export type { GroupInput, SampleInput } from "./testing/samples.ts";
export { createHost } from "./host/host.ts";
export type { Host } from "./host/host.ts";
export type { HostOptions } from "./host/parts.ts";
export { computeAdvantages, computeLoss } from "./loss/loss.ts";
export type { LossResult, TermValue } from "./loss/loss.ts";

/** An array [B, T]: one row per response. */
export type Rows = readonly (readonly number[])[];

/** A minibatch as plain numbers. Only `logProbs` must be given. */
export interface MinibatchInput {
  /** log π_θ of each token, [B, T]. @unit nats */
  readonly logProbs: Rows;
  /** log π_old, [B, T]; default: the same as `logProbs`, as in the first minibatch after sampling. @unit nats */
  readonly oldLogProbs?: Rows;
  /** 1 where a token counts, [B, T]; default: everywhere. @unit 0 or 1 */
  readonly mask?: Rows;
  /**
   * Per token, [B, T], or one number per response. Default: what the plugins make of `rewards`, 0 without them. @unit
   * that of rewards
   */
  readonly advantages?: Rows | readonly number[];
  /** One per response, [B]; default 0. @unit reward */
  readonly rewards?: readonly number[];
  /** Named parts of each reward, [B] each: { accuracy: [1, 0] }. @unit that of each part */
  readonly parts?: Readonly<Record<string, readonly number[]>>;
  /** What the sampler drew from, [B, T]; default: `oldLogProbs`. @unit nats */
  readonly behaviourLogProbs?: Rows;
  /** Why each response ended, [B]; default "stop". */
  readonly finish?: readonly ("stop" | "length")[];
  /** Text of tokens, where a plugin reads it; default: none, "". */
  readonly decode?: (tokens: Int32Array) => string;
  /** Their ids, [B, T]; default 0. @unit token ids */
  readonly tokens?: Rows;
  /** Index of each response's group, [B]; default: all are one group. @unit index */
  readonly groupOf?: readonly number[];
  /** In the prompt of each response, [B]; default 1. @unit pictures */
  readonly pictures?: readonly number[];
  /** Further columns of the row that each response answers, [B]; default none. */
  readonly fields?: readonly Readonly<Record<string, unknown>>[];
  /**
   * Arrays that plugins ask to be scored, [B, T] each, by view/weights/output: { "masked/old/logProbs": [[…]] }. Its
   * views need no plugin. @unit that of the output
   */
  readonly scores?: Readonly<Record<string, Rows>>;
  /** The longest response that sampling allows; default T. @unit tokens */
  readonly maxNewTokens?: number;
  /** Default 1. @unit steps */
  readonly step?: number;
}

/** What `lossOf` gives. */
export interface LossOf {
  /** Σ sign · coefficient · reduced value, over the terms. @unit of the loss */
  readonly loss: number;
  /** By name. */
  readonly terms: Readonly<Record<string, TermValue>>;
  /** d loss / d output, by view and output, [B, T]: gradients["original"]["logProbs"]. @unit of the loss, by nat */
  readonly gradients: Readonly<Record<string, Readonly<Record<string, readonly (readonly number[])[]>>>>;
  /** The advantages that were used, [B, T]. @unit that of rewards */
  readonly advantages: readonly (readonly number[])[];
  /** What the plugins reported, averaged. @unit that of each metric */
  readonly metrics: Readonly<Record<string, number>>;
}

/** What of a run the plugins may read. */
export interface LossOfOptions {
  /** Of all random numbers; default 1. @unit any whole number */
  readonly seed?: number;
  /** Of the run, for schedules; default 100. @unit steps */
  readonly steps?: number;
}

/**
 * The loss that these plugins make of a minibatch, its terms, and its gradient with respect to every scored array. It
 * is the very function that a training step calls, in the same float32.
 * @throws Error when a shape is wrong, or a score that a plugin asks for is missing
 */
export function lossOf(plugins: readonly Plugin[], minibatch: MinibatchInput, options: LossOfOptions = {}): LossOf {
  const { seed = 1, steps = 100 } = options;
  const givenViews = Object.keys(minibatch.scores ?? {}).map((key) => key.split("/")[0]!);
  const host = createHost(plugins, { seed, givenViews });
  const arrays = toArrays(minibatch, host, steps);
  const { loss, terms, gradients } = computeLoss(host, arrays);
  const { T } = arrays;
  const byView = Object.entries(gradients).map(([view, outputs]) => {
    return [
      view,
      Object.fromEntries(Object.entries(outputs).map(([output, array]) => [output, toRows(array, T)])),
    ] as const;
  });
  return {
    loss,
    terms,
    gradients: Object.fromEntries(byView),
    advantages: toRows(arrays.advantages, T),
    metrics: host.takeMetrics(),
  };
}

/** The arrays of a step from what was given, advantages included. Begins the host's step. */
function toArrays(input: MinibatchInput, host: Host, steps: number): MinibatchArrays {
  const B = input.logProbs.length;
  const T = input.logProbs[0]?.length ?? 0;
  if (B === 0 || T === 0)
    throw new Error(`logProbs is ${B} × ${T}; a minibatch needs at least one response of one token`);
  const flat = (rows: Rows, name: string): Float32Array => toFlat(rows, name, B, T);
  const logProbs = flat(input.logProbs, "logProbs");
  const mask = input.mask === undefined ? new Float32Array(B * T).fill(1) : flat(input.mask, "mask");
  const { samples, groups, groupOf } = makeSamples(input, mask, B, T);
  const step = input.step ?? 1;
  const batch = {
    step,
    samples,
    groups,
    groupOf,
    B,
    T,
    mask,
    text: { decode: input.decode ?? (() => "") },
    oldLogProbs: input.oldLogProbs === undefined ? logProbs : flat(input.oldLogProbs, "oldLogProbs"),
    scores: new Map(Object.entries(input.scores ?? {}).map(([key, rows]) => [key, flat(rows, key)])),
  };
  host.beginStep({ step, steps });
  const given = input.advantages;
  const advantages =
    given === undefined
      ? computeAdvantages(host, batch)
      : flat(
          given.map((row) => (typeof row === "number" ? new Array<number>(T).fill(row) : row)),
          "advantages",
        );
  return { ...batch, logProbs, advantages, maxNewTokens: input.maxNewTokens ?? T };
}

function makeSamples(
  input: MinibatchInput,
  mask: Float32Array,
  B: number,
  T: number,
): Pick<MinibatchArrays, "samples" | "groups" | "groupOf"> {
  const groupOf = Int32Array.from({ length: B }, (_, row) => input.groupOf?.[row] ?? 0);
  const samples = Array.from({ length: B }, (_, row) => {
    // Tokens up to the last one that counts: holes inside are the environment's.
    const length = mask.subarray(row * T, (row + 1) * T).findLastIndex((value) => value !== 0) + 1;
    const parts = Object.fromEntries(Object.entries(input.parts ?? {}).map(([name, values]) => [name, values[row]!]));
    const sampled = input.behaviourLogProbs ?? input.oldLogProbs ?? input.logProbs;
    const made = makeSample({
      prompt: `prompt-${groupOf[row]}`,
      index: row,
      length,
      reward: input.rewards?.[row] ?? 0,
      parts,
      finish: input.finish?.[row] ?? "stop",
      pictures: input.pictures?.[row] ?? 1,
      fields: input.fields?.[row] ?? {},
    });
    const logProbs = Float32Array.from((input.oldLogProbs ?? input.logProbs)[row]!.slice(0, length));
    const tokens = Int32Array.from(input.tokens?.[row]?.slice(0, length) ?? made.response.tokens);
    return {
      ...made,
      response: {
        ...made.response,
        tokens,
        segments: [{ source: "policy" as const, tokens, text: made.response.text }],
        logProbs,
        behaviourLogProbs: Float32Array.from(sampled[row]!.slice(0, length)),
      },
    };
  });
  const count = Math.max(...groupOf) + 1;
  const groups = Array.from({ length: count }, (_, group) =>
    makeGroup({ key: `prompt-${group}`, samples: samples.filter((_, row) => groupOf[row] === group) }),
  );
  return { samples, groups, groupOf };
}

function toFlat(rows: Rows, name: string, B: number, T: number): Float32Array {
  const wrong = rows.find((row) => row.length !== T);
  if (rows.length !== B || wrong !== undefined) {
    throw new Error(
      `"${name}" is ${rows.length} × ${wrong?.length ?? T}, logProbs is ${B} × ${T}; all arrays must have one shape`,
    );
  }
  return Float32Array.from(rows.flat());
}

function toRows(array: Float32Array, T: number): number[][] {
  return Array.from({ length: array.length / T }, (_, row) => [...array.subarray(row * T, (row + 1) * T)]);
}

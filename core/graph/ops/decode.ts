/** Ops of sampling in rounds (Executor.compileLoop): executors without it run none of them. */
import { at, sameDim, sameShape } from "../dims.ts";
import { type Op, type Value } from "../graph.ts";

/** `base` with `update` at a place of an axis: `update` has size 1 there, `place` is [1] int32. */
export const writeAt = (base: Value, update: Value, place: Value, axis: number): Value =>
  base.graph.apply(writeAtOp, [base, update, place], { axis });

/** What a draw needs besides the scores. */
export interface DrawInputs {
  /**
   * Two words of a 53-bit number, the upper 27 bits and the lower 26: its 2⁻⁵³th is what decides, uniform in [0, 1);
   * [rows, 2] int32.
   */
  readonly words: Value;
  /** 1 for tokens that may be drawn, 0 for others, [V]. */
  readonly allowed: Value;
  /** Keep so many most likely tokens, [1]; whole. */
  readonly topK: Value;
  /** Of those the smallest set of most likely ones whose mass reaches this share, [1]. */
  readonly topP: Value;
}

export interface DrawSettings extends Record<string, unknown> {
  /** The most likely token, whatever the words. */
  readonly greedy: boolean;
  /** Top-k and top-p are looked at; false: all allowed tokens are kept. */
  readonly truncated: boolean;
}

/**
 * A token for each row of scores [rows, V] by softmax, as rollout/sampling.ts draws it: [tokens [rows] int32, the same
 * as a number, log-prob
 * before bans and truncation, log-prob of what was drawn from (0 when greedy)], [rows] each.
 */
export const drawToken = (
  scores: Value,
  { words, allowed, topK, topP }: DrawInputs,
  settings: DrawSettings,
): readonly Value[] => scores.graph.applyAll(drawTokenOp, [scores, words, allowed, topK, topP], settings);

const onlyInLoops = (name: string) => (): never => {
  throw new Error(`the op "${name}" is for executors that run loops`);
};

const writeAtOp: Op<{ readonly axis: number }> = {
  name: "writeAt",
  outputs: ([base, update, place], { axis }) => {
    if (!base || !update || place?.dtype !== "int32") throw new Error("needs an array, an update and an int32 place");
    const fits = base.shape.every((dim, i) => sameDim(at(update.shape, i), i === axis ? 1 : dim));
    if (!fits || base.shape.length !== update.shape.length)
      throw new Error(`the update does not fit along axis ${axis}`);
    return [{ shape: base.shape, dtype: base.dtype }];
  },
  onnx: onlyInLoops("writeAt"),
};

const drawTokenOp: Op<DrawSettings> = {
  name: "drawToken",
  outputs: ([scores, words, allowed]) => {
    if (scores?.shape.length !== 2 || !allowed || !sameShape(allowed.shape, [at(scores.shape, 1)]))
      throw new Error("needs scores [rows, V] and allowed [V]");
    if (words?.dtype !== "int32" || !sameShape(words.shape, [at(scores.shape, 0), 2]))
      throw new Error("needs two int32 words a row");
    const shape = [at(scores.shape, 0)];
    return [
      { shape, dtype: "int32" },
      { shape, dtype: "float32" },
      { shape, dtype: "float32" },
      { shape, dtype: "float32" },
    ];
  },
  onnx: onlyInLoops("drawToken"),
};

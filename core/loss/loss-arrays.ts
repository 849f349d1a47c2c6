/**
 * A batch as hooks see it, made from plain arrays. Everything here runs inside tf.tidy: tensors live as long as the
 * call.
 */
import { rememberLeaves } from "../contracts/results/leaves.ts";
import { mul, ones, tensor2d, zeros } from "@tensorflow/tfjs-core";
import type { Tensor2D } from "@tensorflow/tfjs-core";
import type { Batch, Minibatch } from "../contracts/step/batch.ts";
import type { Group, Sample } from "../contracts/step/sample.ts";
import { describe, isRecord, strict } from "../messages/describe.ts";
import type { Host } from "../host/host.ts";
import { CURRENT_LOG_PROBS, OLD_LOG_PROBS, isActive, outputName } from "../contracts/registered/scores.ts";
import type { PlannedScore, ScoreHandle } from "../contracts/registered/scores.ts";

/** What advantages are computed from. Arrays are [B, T], row-major. */
export interface BatchArrays {
  readonly step: number;
  /** [B]. */
  readonly samples: readonly Sample[];
  /** Index into `groups` of each sample, [B]. */
  readonly groupOf: Int32Array;
  readonly groups: readonly Group[];
  /** How many of them, the last ones, are trained on beside the step's own. Default 0. */
  readonly beside?: number;
  readonly B: number;
  readonly T: number;
  /** 1 where the policy wrote a token. */
  readonly mask: Float32Array;
  /** log π_old. */
  readonly oldLogProbs: Float32Array;
  /**
   * Arrays that were scored, by the key of their request (view/weights/output); rows that a request for a share left
   * out are NaN.
   */
  readonly scores: ReadonlyMap<string, Float32Array>;
  /** Text of tokens. Default: an error when it is read. */
  readonly text?: Batch["text"];
}

/** What the loss is computed from: the rows of one optimizer step. */
export interface MinibatchArrays extends BatchArrays {
  /** log π_θ by the learner. */
  readonly logProbs: Float32Array;
  readonly advantages: Float32Array;
  /** The longest response that sampling allows. */
  readonly maxNewTokens: number;
}

/** An array that a gradient is wanted of. */
export interface Leaf {
  readonly view: string;
  /** See outputName. */
  readonly output: string;
  readonly tensor: Tensor2D;
}

/** The batch for the hook `advantages`: no current weights yet. */
export function createBatch(arrays: BatchArrays): Batch {
  const make = tensorMaker(arrays);
  const constants = new Map<string, Tensor2D>([[OLD_LOG_PROBS, make(arrays.oldLogProbs, OLD_LOG_PROBS)]]);
  const get = (handle: ScoreHandle): Tensor2D => {
    checkHandle(handle);
    if (handle.request.weights === "current") {
      throw new Error(
        `"${handle.key}" is scored for each minibatch and is not there yet; read it in the hook "terms", or ask for "old" weights`,
      );
    }
    return constant(handle, arrays, constants, make);
  };
  const { step, samples, groups, B, T, text = noText } = arrays;
  const scoredRows = (handle: ScoreHandle): Tensor2D => {
    checkHandle(handle);
    return isActive(handle) ? rowWeights(scoreArray(arrays, handle.key), arrays) : ones([B, 1]);
  };
  const groupOf = arrays.groupOf.slice();
  const mask = tensor2d(arrays.mask.slice(), [B, T]);
  return strict(
    { step, samples, groupOf, groups, B, T, mask, oldLogProbs: constants.get(OLD_LOG_PROBS)!, get, scoredRows, text },
    "field of a batch",
  );
}

const noText: Batch["text"] = {
  decode: () => {
    throw new Error("the text of tokens is asked for, and nothing here can decode them; give `decode`");
  },
};

/** @throws Error for what `scores.request` did not give */
function checkHandle(handle: unknown): void {
  if (!isRecord(handle) || !isRecord(handle["request"]))
    throw new Error(`batch.get and batch.scoredRows take what scores.request gave in apply, found ${describe(handle)}`);
}

/** See Batch.scoredRows. */
function rowWeights(array: Float32Array, { B, T, groupOf, groups }: BatchArrays): Tensor2D {
  const scored = Array.from({ length: B }, (_, row) => !Number.isNaN(array[row * T]!));
  const [all, own] = [new Float64Array(groups.length), new Float64Array(groups.length)];
  groupOf.forEach((group, row) => {
    all[group]!++;
    if (scored[row]!) own[group]!++;
  });
  return tensor2d(
    scored.map((known, row) => (known ? all[groupOf[row]!]! / own[groupOf[row]!]! : 0)),
    [B, 1],
  );
}

/** The minibatch for the hooks `terms` and `weights`, and the leaves of its loss. */
export function createMinibatch(
  arrays: MinibatchArrays,
  host: Pick<Host, "hooks" | "scores">,
): { batch: Minibatch; leaves: Leaf[] } {
  const make = tensorMaker(arrays);
  const scored = host.scores().filter((score: PlannedScore) => score.active && score.gradient);
  const logProbs = make(arrays.logProbs, CURRENT_LOG_PROBS);
  const leafOf = new Map<string, Leaf>([
    [CURRENT_LOG_PROBS, { view: "original", output: "logProbs", tensor: logProbs }],
  ]);
  for (const { key, view, ...score } of scored)
    leafOf.set(key, { view, output: outputName(score), tensor: make(scoreArray(arrays, key), key) });
  const constants = new Map<string, Tensor2D>();
  const get = (handle: ScoreHandle): Tensor2D => {
    checkHandle(handle);
    const leaf = handle.request.gradient && isActive(handle) ? leafOf.get(handle.key) : undefined;
    return leaf?.tensor ?? constant(handle, arrays, constants, make);
  };
  const batch: Minibatch = strict(
    {
      ...createBatch(arrays),
      logProbs,
      advantages: make(arrays.advantages, "advantages"),
      maxNewTokens: arrays.maxNewTokens,
      get,
      weights: (term, slot) => {
        const shape: [number, number] = [arrays.B, arrays.T];
        const weights = host.hooks.weights.call(ones(shape), { term, slot, batch });
        // [B, 1] is welcome: one weight per response.
        return weights.shape.join() === shape.join() ? weights : mul<Tensor2D>(weights, ones(shape));
      },
    },
    "field of a minibatch",
  );
  const leaves = [...leafOf.values()];
  rememberLeaves(
    batch,
    leaves.map(({ tensor }) => tensor),
  );
  return { batch, leaves };
}

function constant(handle: ScoreHandle, arrays: BatchArrays, made: Map<string, Tensor2D>, make: TensorMaker): Tensor2D {
  if (!isActive(handle)) return zeros([arrays.B, arrays.T]);
  const { key } = handle;
  const known = made.get(key);
  if (known !== undefined) return known;
  const tensor = make(scoreArray(arrays, key), key);
  made.set(key, tensor);
  return tensor;
}

function scoreArray(arrays: BatchArrays, key: string): Float32Array {
  if (key === OLD_LOG_PROBS) return arrays.oldLogProbs;
  if (key === CURRENT_LOG_PROBS && "logProbs" in arrays) return (arrays as MinibatchArrays).logProbs;
  const array = arrays.scores.get(key);
  if (array === undefined) {
    const given = [...arrays.scores.keys()].join(", ") || "none";
    throw new Error(`The scores "${key}" are asked for and were not given (given are: ${given})`);
  }
  return array;
}

type TensorMaker = (array: Float32Array, name: string) => Tensor2D;

/**
 * Arrays become tensors with zeros outside the mask and in rows that were not scored, so that these can neither
 * overflow nor count.
 */
function tensorMaker({ B, T, mask }: BatchArrays): TensorMaker {
  return (array, name) => {
    if (array.length !== B * T) throw new Error(`"${name}" has ${array.length} numbers, B × T is ${B} × ${T}`);
    return tensor2d(
      array.map((value, index) => (mask[index] === 0 || Number.isNaN(value) ? 0 : value)),
      [B, T],
    );
  };
}

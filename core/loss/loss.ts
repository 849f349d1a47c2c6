/** Terms become one number and its gradients: the only place where the loss is made. */
import { POLICY_TERM, type Term } from "../contracts/step/term.ts";
import { engine, mul, scalar, zeros } from "@tensorflow/tfjs-core";
import type { Scalar, Tensor2D } from "@tensorflow/tfjs-core";
import { reduce } from "../math/reduce.ts";
import { scoped } from "../math/scoped.ts";
import { peek } from "../math/tensor-numbers.ts";
import type { Minibatch } from "../contracts/step/batch.ts";
import type { Host } from "../host/host.ts";
import { createBatch, createMinibatch } from "./loss-arrays.ts";
import type { BatchArrays, Leaf, MinibatchArrays } from "./loss-arrays.ts";
import { PluginError } from "../messages/plugin-error.ts";

/** What a term came to: its line in the ledger. */
export interface TermValue {
  /** reduce(value · weights); 0 for a term whose coefficient is 0. @unit of the loss */
  readonly value: number;
  /** Its part of the loss: sign · coefficient · value. @unit of the loss */
  readonly weighted: number;
  /** sign · coefficient, as in force. @unit factor */
  readonly factor: number;
  /** The plugin that gave it. */
  readonly plugin: string;
  /**
   * L2 norm of its part of the gradient of the loss at the log-probs and other outputs, over every view.
   * @unit of the loss, by nat
   */
  readonly norm: number;
  /**
   * Cosine of its part of that gradient with the part of the term "policy"; 0 where one of them has none.
   * @unit −1 to 1
   */
  readonly cosine: number;
  /** Share of the tokens on which it acts: those where its part of that gradient is not 0. @unit 0 to 1 */
  readonly share: number;
}

export interface LossResult {
  readonly loss: number;
  /** By name, in the order of the recipe. */
  readonly terms: Readonly<Record<string, TermValue>>;
  /**
   * d loss / d output by view, what `learner.backward` takes: float32 arrays [B, T], exactly 0 outside the mask.
   * "original" is always there, other views when an active score request wants their gradient. Divergences are named
   * with what they are from; see outputName.
   */
  readonly gradients: Readonly<Record<string, Readonly<Record<string, Float32Array>>>>;
}

/** A term reduced, with its gradient to each leaf, [B·T] each and 0 outside the mask. */
interface TermPart {
  readonly name: string;
  readonly plugin: string;
  readonly factor: number;
  readonly value: number;
  /** Of the reduced value, before the factor. */
  readonly gradients: readonly Float32Array[];
}

/**
 * The loss of one minibatch and its gradient with respect to everything the learner computed for it. Reductions are
 * over the whole minibatch, so no split of the forward pass can change it. A term whose coefficient is 0 is left out
 * altogether. Terms are added up in the order of their names, in double precision: the order of plugins whose terms do
 * not depend on each other changes nothing.
 * @throws PluginError when a term, its weights or its gradient are not finite or of the wrong shape, naming the term
 * and its plugin
 */
export function computeLoss(host: Pick<Host, "hooks" | "scores" | "ownerOf">, arrays: MinibatchArrays): LossResult {
  return scoped(() => {
    const { batch, leaves } = createMinibatch(arrays, host);
    const parts = termParts(host, batch, leaves, arrays);
    const byName = [...parts].sort((a, b) => (a.name < b.name ? -1 : 1));
    const gradients: Record<string, Record<string, Float32Array>> = {};
    leaves.forEach(({ view, output }, leaf) => {
      gradients[view] = { ...gradients[view], [output]: sumOfParts(byName, leaf, arrays, `${view}/${output}`) };
    });
    const loss = byName.reduce((sum, { factor, value }) => sum + factor * value, 0);
    return { loss, terms: ledger(parts, arrays.mask), gradients };
  });
}

/** What the step and `lossOf` take as advantages: the hook's answer to zeros, [B, T], 0 outside the mask. */
export function computeAdvantages(host: Pick<Host, "hooks">, arrays: BatchArrays): Float32Array {
  return scoped(() => {
    const { B, T, mask } = arrays;
    const advantages = host.hooks.advantages.call(zeros([B, T]), createBatch(arrays));
    return withinMask(advantages, mask);
  });
}

/** Call the hooks, reduce each term, and differentiate each for itself. */
function termParts(
  host: Pick<Host, "hooks" | "ownerOf">,
  batch: Minibatch,
  leaves: readonly Leaf[],
  arrays: MinibatchArrays,
): TermPart[] {
  const tensors = leaves.map(({ tensor }) => tensor);
  const parts: TermPart[] = [];
  let failure: { readonly error: unknown } | null = null;
  // Inside a call of `gradients` tfjs keeps its tape, so that one forward pass serves the backward passes of all terms.
  const onOneTape = (): Scalar => {
    try {
      for (const term of host.hooks.terms.call([], batch))
        parts.push(termPart(term, host.ownerOf(term.name) ?? "unknown", batch, tensors, arrays));
    } catch (error) {
      // tfjs keeps what is on its tape when the function throws: let it finish, and throw afterwards.
      failure = { error };
    }
    return scalar(0);
  };
  engine().gradients(onOneTape, tensors, undefined, true);
  if (failure !== null) throw (failure as { readonly error: unknown }).error;
  return parts;
}

function termPart(
  term: Term,
  plugin: string,
  batch: Minibatch,
  tensors: Tensor2D[],
  arrays: MinibatchArrays,
): TermPart {
  const factor = (term.sign ?? 1) * (term.coefficient?.value ?? 1);
  const { name } = term;
  if (factor === 0)
    return { name, plugin, factor, value: 0, gradients: tensors.map(() => new Float32Array(batch.B * batch.T)) };
  const weighted = mul<Tensor2D>(term.value, batch.weights(name, "after_clip"));
  const reduced = reduce(weighted, batch.mask, term.reduction, batch.maxNewTokens);
  const value = peek(reduced)[0]!;
  if (!Number.isFinite(value)) {
    const which = `gave the term "${name}", which is ${value} in step ${batch.step}`;
    throw new PluginError(
      plugin,
      `${which}: its tokens and their weights are finite, their products or the sum are too large; bound them`,
    );
  }
  const grads = gradientsOf(reduced, tensors, name, plugin);
  // tfjs gives nothing for a leaf that the term does not read.
  const gradients = grads.map((gradient) =>
    gradient === undefined ? new Float32Array(batch.B * batch.T) : withinMask(gradient, arrays.mask),
  );
  return { name, plugin, factor, value, gradients };
}

/** @throws PluginError where something on the way from a leaf has no derivative */
function gradientsOf(reduced: Scalar, tensors: Tensor2D[], name: string, plugin: string): (Tensor2D | undefined)[] {
  try {
    return engine().gradients(() => reduced, tensors, undefined, true).grads as (Tensor2D | undefined)[];
  } catch (error) {
    throw new PluginError(
      plugin,
      `gave the term "${name}", which cannot be differentiated: ${(error as Error).message} Put detach(…) around what only chooses or compares.`,
      { cause: error },
    );
  }
}

/** A tensor's numbers, 0 outside the mask. */
function withinMask(tensor: Tensor2D, mask: Float32Array): Float32Array {
  return peek(tensor).map((value, index) => (mask[index] === 0 ? 0 : value));
}

/** Σ factor · gradient over the terms, in double precision, rounded once. */
function sumOfParts(
  parts: readonly TermPart[],
  leaf: number,
  { B, T, step }: MinibatchArrays,
  name: string,
): Float32Array {
  const sum = new Float64Array(B * T);
  for (const { factor, gradients } of parts) {
    const gradient = gradients[leaf]!;
    for (let index = 0; index < sum.length; index++) sum[index]! += factor * gradient[index]!;
  }
  const bad = sum.findIndex((value) => !Number.isFinite(Math.fround(value)));
  if (bad >= 0) {
    const place = `sample ${Math.floor(bad / T)}, token ${bad % T}`;
    const broken = parts.find(({ gradients }) => !Number.isFinite(gradients[leaf]![bad]!));
    if (broken !== undefined) {
      const which = `gave the term "${broken.name}", whose gradient to ${name} is ${broken.gradients[leaf]![bad]} at ${place}`;
      throw new PluginError(
        broken.plugin,
        `${which} in step ${step}, though its value is finite; keep it off the points where its slope is not`,
      );
    }
    const terms = parts
      .map((part) => `"${part.name}" of ${part.plugin} (${part.factor * part.gradients[leaf]![bad]!})`)
      .join(", ");
    throw new Error(
      `The gradient of the loss to ${name} is ${sum[bad]} at ${place}, though that of each term is finite; the terms are ${terms}`,
    );
  }
  // −0 becomes 0.
  return Float32Array.from(sum, (value) => value + 0);
}

/** Every term's line, in the order of the recipe. */
function ledger(parts: readonly TermPart[], mask: Float32Array): Record<string, TermValue> {
  const tokens = mask.reduce((count, value) => count + (value === 0 ? 0 : 1), 0);
  const policy = parts.find(({ name }) => name === POLICY_TERM);
  const line = (part: TermPart): TermValue => {
    const { value, factor, plugin } = part;
    const [own, other] = [dot(part, part), policy === undefined ? 0 : dot(policy, policy)];
    const cosine = own > 0 && other > 0 ? dot(part, policy!) / Math.sqrt(own * other) : 0;
    return {
      value,
      weighted: factor * value,
      factor,
      plugin,
      norm: Math.sqrt(own),
      cosine,
      share: tokens === 0 ? 0 : actsOn(part, mask) / tokens,
    };
  };
  return Object.fromEntries(parts.map((part) => [part.name, line(part)]));
}

/** Inner product of two terms' parts of the cotangents. */
function dot(a: TermPart, b: TermPart): number {
  let sum = 0;
  a.gradients.forEach((gradient, leaf) => {
    const other = b.gradients[leaf]!;
    for (let index = 0; index < gradient.length; index++) sum += gradient[index]! * other[index]!;
  });
  return a.factor * b.factor * sum;
}

function actsOn({ gradients, factor }: TermPart, mask: Float32Array): number {
  if (factor === 0) return 0;
  return mask.reduce(
    (count, value, index) => count + (value !== 0 && gradients.some((gradient) => gradient[index] !== 0) ? 1 : 0),
    0,
  );
}

/** Terms become one number and its gradients: the only place where the loss is made. */
import "../math/backend.ts";
import { add, engine, mul, scalar, zeros } from "@tensorflow/tfjs-core";
import type { Scalar, Tensor2D } from "@tensorflow/tfjs-core";
import type { Outputs } from "../learner/learner.ts";
import { reduce } from "../math/reduce.ts";
import type { Reduction } from "../math/reduce.ts";
import { scoped } from "../math/scoped.ts";
import type { Minibatch } from "./batch.ts";
import type { Coefficient } from "../host/coefficients.ts";
import type { Host } from "../host/host.ts";
import { createBatch, createMinibatch } from "./loss-arrays.ts";
import type { BatchArrays, MinibatchArrays } from "./loss-arrays.ts";
import { PluginError } from "../host/taps.ts";

/** One term of the loss, over the whole minibatch. loss += sign · coefficient · reduce(value · weights). */
export interface Term {
  /** Unique in a run: "policy", "reference/kl", … */
  readonly name: string;
  /** [B, T], unreduced; entries outside the mask do not count. */
  readonly value: Tensor2D;
  /** Default 1. */
  readonly coefficient?: Coefficient;
  /** 1: minimised; -1: maximised. Default 1. */
  readonly sign?: 1 | -1;
  readonly reduction: Reduction;
}

/** What a term came to. */
export interface TermValue {
  /** reduce(value · weights); 0 for a term whose coefficient is 0. */
  readonly value: number;
  /** Its part of the loss: sign · coefficient · value. */
  readonly weighted: number;
  /** The plugin that gave it. */
  readonly plugin: string;
}

export interface LossResult {
  readonly loss: number;
  /** By name, in the order of the recipe. */
  readonly terms: Readonly<Record<string, TermValue>>;
  /**
   * d loss / d output by view, what `learner.backward` takes: float32 arrays [B, T], exactly 0 outside the mask. "original" is
   * always there, other views when an active score request wants their gradient.
   */
  readonly gradients: Readonly<Record<string, Outputs>>;
}

/**
 * The loss of one minibatch and its gradient with respect to everything the learner computed for it. Reductions are over the whole
 * minibatch, so no split of the forward pass can change it. A term whose coefficient is 0 is left out altogether.
 * @throws PluginError when a term is not finite or of the wrong shape, naming the term and its plugin
 */
export function computeLoss(host: Pick<Host, "hooks" | "scores" | "ownerOf">, arrays: MinibatchArrays): LossResult {
  return scoped(() => {
    const { batch, leaves } = createMinibatch(arrays, host);
    const values: Record<string, TermValue> = {};
    let failure: { readonly error: unknown } | null = null;
    // tfjs keeps what is on its tape when the function throws: let it finish, and throw afterwards.
    const total = (): Scalar => {
      try {
        return sumTerms(host, batch, values);
      } catch (error) {
        failure = { error };
        return scalar(0);
      }
    };
    const { grads } = engine().gradients(total, leaves.map(({ tensor }) => tensor), undefined, true);
    if (failure !== null) throw (failure as { readonly error: unknown }).error;
    const gradients: Record<string, Outputs> = {};
    leaves.forEach(({ view, output }, index) => {
      // tfjs gives nothing for a leaf that no term reads.
      const gradient = grads[index] as Tensor2D | undefined;
      gradients[view] = { ...gradients[view], [output]: withinMask(gradient, arrays, `${view}/${output}`, values) };
    });
    const loss = Object.values(values).reduce((sum, { weighted }) => sum + weighted, 0);
    return { loss, terms: values, gradients };
  });
}

/** What the step and `lossOf` take as advantages: the hook's answer to zeros, [B, T], 0 outside the mask. */
export function computeAdvantages(host: Pick<Host, "hooks">, arrays: BatchArrays): Float32Array {
  return scoped(() => {
    const { B, T, mask } = arrays;
    const who = `The hook "advantages" (${host.hooks.advantages.taps.map(({ name }) => name).join(", ")})`;
    const advantages = host.hooks.advantages.call(zeros([B, T]), createBatch(arrays));
    if (advantages.shape.join() !== `${B},${T}`) throw new Error(`${who} gave the shape [${advantages.shape.join()}], it must be [${B},${T}]`);
    const values = (advantages.dataSync() as Float32Array).map((value, index) => (mask[index] === 0 ? 0 : value));
    const bad = values.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0) throw new Error(`${who} gave ${values[bad]} for sample ${Math.floor(bad / T)}, token ${bad % T}`);
    return values;
  });
}

/** Call the hooks, reduce each term and sum; notes every term's numbers in `values`. */
function sumTerms(host: Pick<Host, "hooks" | "ownerOf">, batch: Minibatch, values: Record<string, TermValue>): Scalar {
  let total: Scalar | null = null;
  for (const term of host.hooks.terms.call([], batch)) {
    const plugin = host.ownerOf(term.name) ?? "unknown";
    const factor = (term.sign ?? 1) * (term.coefficient?.value ?? 1);
    if (factor === 0) {
      values[term.name] = { value: 0, weighted: 0, plugin };
      continue;
    }
    const reduced = reduceTerm(term, batch, plugin);
    const value = reduced.dataSync()[0]!;
    if (!Number.isFinite(value)) throw new PluginError(plugin, `gave the term "${term.name}", which is ${value} in step ${batch.step}${whereNotFinite(term, batch)}`);
    values[term.name] = { value, weighted: factor * value, plugin };
    const weighted: Scalar = mul(reduced, factor);
    total = total === null ? weighted : add(total, weighted);
  }
  return total ?? scalar(0);
}

function reduceTerm(term: Term, batch: Minibatch, plugin: string): Scalar {
  const wanted = `${batch.B},${batch.T}`;
  if (term.value.shape.join() !== wanted) {
    throw new PluginError(plugin, `gave the term "${term.name}" with the shape [${term.value.shape.join()}]; terms are unreduced, here [${wanted}]`);
  }
  const weighted = mul<Tensor2D>(term.value, batch.weights(term.name, "after_clip"));
  return reduce(weighted, batch.mask, term.reduction, batch.maxNewTokens);
}

function whereNotFinite(term: Term, batch: Minibatch): string {
  const values = term.value.dataSync();
  const mask = batch.mask.dataSync();
  const index = values.findIndex((value, at) => mask[at] !== 0 && !Number.isFinite(value));
  return index < 0 ? " (its tokens are finite: look at its weights)" : `: ${values[index]} at sample ${Math.floor(index / batch.T)}, token ${index % batch.T}`;
}

function withinMask(gradient: Tensor2D | undefined, { B, T, mask }: MinibatchArrays, name: string, values: Record<string, TermValue>): Float32Array {
  if (gradient === undefined) return new Float32Array(B * T);
  // −0 becomes 0 too.
  const array = (gradient.dataSync() as Float32Array).map((value, index) => (mask[index] === 0 || value === 0 ? 0 : value));
  const bad = array.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    const terms = Object.entries(values).map(([term, { plugin }]) => `"${term}" of ${plugin}`).join(", ");
    throw new Error(`The gradient of the loss to ${name} is ${array[bad]} at sample ${Math.floor(bad / T)}, token ${bad % T}, though each term is finite; the terms are ${terms}`);
  }
  return array;
}

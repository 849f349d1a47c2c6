/** What may be wrong with the tensors that hooks give: advantages, weights, terms of the loss. */
import type { Tensor, Tensor2D } from "@tensorflow/tfjs-core";
import type { Fault } from "./returning.ts";
import { describe, didYouMean, isRecord, isTensor, strangeField } from "../../messages/describe.ts";
import { reductions } from "../../math/reduce.ts";
import { peek } from "../../math/tensor-numbers.ts";
import type { Batch, Minibatch } from "../step/batch.ts";
import type { TermSlot } from "../hook-values.ts";
import type { Term } from "../step/term.ts";
import { leavesOf } from "./leaves.ts";
import { dependsOn } from "./tape.ts";

type Shape = readonly [rows: number, columns: number];

/** Advantages, [B, T]. */
export const advantagesFault: Fault<readonly [Tensor2D, Batch, ...unknown[]]> = (result, [before, batch]) =>
  result === before ? null : tensorFault(result, [[batch.B, batch.T]], batch.mask);

/** Weights of a term, [B, T] or [B, 1]: constants. */
export const weightsFault: Fault<readonly [Tensor2D, TermSlot, ...unknown[]]> = (
  result,
  [before, { batch, term, slot }],
) => {
  if (result === before) return null;
  const fault = tensorFault(
    result,
    [
      [batch.B, batch.T],
      [batch.B, 1],
    ],
    batch.mask,
  );
  if (fault !== null) return `${fault} as weights of the term "${term}", ${slot}`;
  if (!dependsOn(result as Tensor, leavesOf(batch))) return null;
  return `weights of the term "${term}" that were computed from what is being trained, so that a gradient would flow through them; put detach(…) around what is read of the batch`;
};

/** Terms: all that were received, and each whole. */
export const termsFault: Fault<readonly [readonly Term[], Minibatch, ...unknown[]]> = (
  result,
  [before, batch],
  { isCoefficient },
) => {
  if (!Array.isArray(result)) return `${describe(result)}, which is no list of terms`;
  for (const [place, term] of result.entries()) {
    const fault = before.includes(term as Term) ? null : termFault(term, place, batch, before, isCoefficient);
    if (fault !== null) return fault;
  }
  const names = new Set((result as readonly Term[]).map(({ name }) => name));
  const lost = before.find(({ name }) => !names.has(name));
  return lost === undefined
    ? null
    : `${result.length === 0 ? "no terms" : `the terms ${[...names].map((name) => `"${name}"`).join(", ")}`} without "${lost.name}", which it received`;
};

const TERM = ["name", "value", "coefficient", "sign", "reduction"] as const;

function termFault(
  term: unknown,
  place: number,
  batch: Minibatch,
  before: readonly Term[],
  isCoefficient: (value: unknown) => boolean,
): string | null {
  if (!isRecord(term)) return `a list with ${describe(term)} at place ${place}`;
  const { name, value, coefficient, sign, reduction } = term as unknown as Term;
  if (typeof name !== "string" || name.trim() === "")
    return `a term whose name is ${describe(name)}; name it, "my_method/kl" say: metrics, weights and errors go by it`;
  const strange = strangeField(term, TERM, `the term "${name}"`);
  if (strange !== null) return strange;
  const which = `the term "${name}" with the`;
  if (sign !== undefined && sign !== 1 && sign !== -1)
    return `${which} sign ${describe(sign)}; 1 is minimised, -1 maximised, and a factor is a coefficient`;
  if (coefficient !== undefined && !isCoefficient(coefficient)) {
    return `${which} coefficient ${describe(coefficient)}; it is what coefficient("${name}", ${typeof coefficient === "number" ? String(coefficient) : "1"}) gives in apply, so that schedules and guards reach it`;
  }
  if (!(reductions as readonly unknown[]).includes(reduction)) {
    return `${which} reduction ${describe(reduction)}: ${typeof reduction === "string" ? didYouMean(reduction, reductions) : `there are ${reductions.join(", ")}`}`;
  }
  // A coefficient of 0 leaves the term out, whatever its numbers are; a value that was received has been looked at.
  const seen = coefficient?.value === 0 || before.some((other) => other.value === value);
  const fault = tensorFault(value, [[batch.B, batch.T]], seen ? null : batch.mask);
  return fault === null
    ? null
    : `the term "${name}" with ${fault} as its value in step ${batch.step}; terms are unreduced`;
}

/** @param mask where the numbers must be finite; null for nowhere */
function tensorFault(value: unknown, shapes: readonly Shape[], mask: Tensor2D | null): string | null {
  if (!isTensor(value)) return describe(value);
  if (value.isDisposed) return `${describe(value)}, freed already (by dispose, or with the step before)`;
  if (value.dtype !== "float32") return `${describe(value)}; .toFloat() makes it float32`;
  const [rows, columns] = value.shape;
  if (value.shape.length !== 2 || !shapes.some(([B, T]) => rows === B && columns === T)) {
    return `the shape [${value.shape.join()}] instead of ${shapes.map((shape) => `[${shape.join()}]`).join(" or ")}`;
  }
  return mask === null ? null : notFinite(peek(value), columns!, mask);
}

/** Where the first number that counts is not finite. */
function notFinite(values: Float32Array, columns: number, mask: Tensor2D): string | null {
  // Finite numbers times 0 are 0: one pass without a branch, and the mask is looked at only where something is wrong.
  let sum = 0;
  for (let index = 0; index < values.length; index++) sum += values[index]! * 0;
  if (sum === 0) return null;
  const [m, T] = [peek(mask), mask.shape[1]];
  const at = m.findIndex(
    (counts, index) =>
      counts !== 0 && !Number.isFinite(values[columns === T ? index : Math.floor(index / T) * columns]),
  );
  if (at < 0) return null;
  const row = Math.floor(at / T);
  return `${values[columns === T ? at : row]} for sample ${row}, token ${at % T}`;
}

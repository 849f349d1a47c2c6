/**
 * Numbers of tensors. tfjs's cpu backend hands out its own buffer, so that an edit of what `dataSync` gave would change
 * the tensor, and with it every tensor that shares the buffer (clone, reshape): here reading gives a copy, and only
 * this file looks without one.
 */
import { backend, engine } from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";

type Read = (dataId: object) => Float32Array;

let live: Read | null = null;

/** From now on `dataSync` and `data` of the active backend give copies. */
export function handOutCopies(): void {
  if (live !== null) return;
  const active = backend() as unknown as { readSync: Read };
  const read = active.readSync.bind(active);
  live = read;
  active.readSync = (dataId) => read(dataId).slice();
}

/** A tensor's own numbers, without a copy: to look at, never to change. */
export function peek(tensor: Tensor): Float32Array {
  if (tensor.isDisposed) throw new Error(`a tensor of shape [${tensor.shape.join()}] is read that is disposed`);
  return live === null ? (tensor.dataSync() as Float32Array) : live(tensor.dataId);
}

/**
 * The tensors of `tf.keep` and `tf.variable` that code made, which no tidy frees; tfjs's own, for its tape, are freed
 * with it.
 */
export type Kept = Tensor[];

/** Tensors in memory. */
export const tensorCount = (): number =>
  (engine() as unknown as { readonly state: { readonly numTensors: number } }).state.numTensors;

let collecting: Kept | null = null;
let patched = false;

/** Where tensors that are kept from now on are listed; null for nowhere. Gives what it was before. */
export function collectKept(into: Kept | null): Kept | null {
  const before = collecting;
  collecting = into;
  if (!patched) {
    patched = true;
    const tensors = engine();
    const [keep, makeVariable] = [tensors.keep.bind(tensors), tensors.makeVariable.bind(tensors)];
    tensors.keep = (tensor) => noted(keep(tensor));
    tensors.makeVariable = (...given) => noted(makeVariable(...given));
  }
  return before;
}

function noted<T extends Tensor>(tensor: T): T {
  collecting?.push(tensor);
  return tensor;
}

/** AdamW's hot loop, four numbers at a time (WebAssembly SIMD): 2.5 times as fast as the same loop in JavaScript. */
import { adamwWasm } from "./adamw-wasm.ts";

export interface AdamWStep {
  /** What gradients are multiplied with. */
  readonly scale: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** lr / (1 − β₁ᵗ). */
  readonly stepSize: number;
  /** 1 / √(1 − β₂ᵗ). */
  readonly rootCorrection: number;
  /** 1 − lr · λ. */
  readonly keep: number;
}

/** Arrays of one length: parameters and moments are changed in place. Whether all parameters are finite afterwards. */
export type AdamWKernel = (
  parameter: Float32Array,
  gradient: Float32Array,
  first: Float32Array,
  second: Float32Array,
  step: AdamWStep,
) => boolean;

/** Numbers of each array that the module's memory holds at a time. */
const stretch = 16_384;

/** The part of WebAssembly's interface that is used; Node's types leave it to the browser's. */
interface WebAssemblyInterface {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => {
    readonly exports: { readonly memory: { readonly buffer: ArrayBuffer }; readonly update: Update };
  };
}

type Update = (
  bytes: number,
  scale: number,
  beta1: number,
  rest1: number,
  beta2: number,
  rest2: number,
  step: number,
  root: number,
  epsilon: number,
  keep: number,
) => number;

export function createAdamWKernel(): AdamWKernel {
  const { Module, Instance } = (globalThis as unknown as { readonly WebAssembly: WebAssemblyInterface }).WebAssembly;
  const { memory, update } = new Instance(new Module(Buffer.from(adamwWasm, "base64"))).exports;
  const held = Array.from({ length: 4 }, (_, index) => new Float32Array(memory.buffer, index * stretch * 4, stretch));
  const [heldParameter, , heldFirst, heldSecond] = held as [Float32Array, Float32Array, Float32Array, Float32Array];
  return (parameter, gradient, first, second, { scale, beta1, beta2, epsilon, stepSize, rootCorrection, keep }) => {
    let spoilt = 0;
    for (let start = 0; start < parameter.length; start += stretch) {
      const end = Math.min(parameter.length, start + stretch);
      const size = end - start;
      [parameter, gradient, first, second].forEach((array, index) => {
        held[index]!.set(array.subarray(start, end));
        // What an earlier array left in the last four is none of this one's.
        if (size % 4 !== 0) held[index]!.fill(0, size, size + 4 - (size % 4));
      });
      spoilt += update(4 * size, scale, beta1, 1 - beta1, beta2, 1 - beta2, stepSize, rootCorrection, epsilon, keep);
      parameter.set(heldParameter.subarray(0, size), start);
      first.set(heldFirst.subarray(0, size), start);
      second.set(heldSecond.subarray(0, size), start);
    }
    return spoilt === 0;
  };
}

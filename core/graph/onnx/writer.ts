/** What an op's lowering writes ONNX with. */
import type { Shape } from "../dims.ts";

export type OnnxAttribute =
  number | string | readonly number[] | { readonly float: number } | { readonly graph: Uint8Array };

/** What a loop carries: a float tensor of any shape, or a sequence of such. */
export type LoopType = "tensor" | "sequence";

export interface OnnxNodeOptions {
  /** Names to give the outputs; one fresh name by default. */
  readonly outputs?: readonly string[];
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
  readonly domain?: string;
}

/**
 * "uint8" is "int8" with weights shifted to 0 … 255, for processors whose sums of int8 products are not exact
 * (int8-sums.ts).
 */
export type OnnxProducts = "float32" | "int8" | "uint8";

/** Where most of a graph runs: kernels of the two differ in what they give beside an op's first output. */
export type OnnxDevice = "cpu" | "webgpu";

/** Nodes and constants of the model that is being written; values go by name. */
export interface OnnxWriter {
  /** See CompileOptions. */
  readonly products: OnnxProducts;
  readonly device: OnnxDevice;
  /** Add an ONNX node; returns its outputs' names. */
  op(type: string, inputs: readonly string[], options?: OnnxNodeOptions): readonly string[];
  /**
   * The body of a Loop, which may read any value outside of it; the sizes of shapes are not to be asked for inside.
   * @param body gets the names of the iteration's number (int64 []) and of what is carried, and gives those of what is
   * carried on
   */
  loopBody(
    carried: readonly LoopType[],
    body: (iteration: string, carried: readonly string[]) => readonly string[],
  ): Uint8Array;
  /** A name that no value has. */
  fresh(stem: string): string;
  /** Let `output` be `input` under another name, without a node. */
  alias(output: string, input: string): void;
  /** A float constant of shape []. */
  float(value: number): string;
  /** An int64 constant of shape [values]. */
  ints(values: readonly (number | bigint)[]): string;
  /** An int64 constant of shape []. */
  int(value: number): string;
  /** A uint64 constant of shape [values]. */
  words(values: readonly bigint[]): string;
  /** The sizes of a shape, int64 [rank]. */
  shape(shape: Shape): string;
  /** The same for Reshape, where one unknown size may be left to the kernel. */
  reshapeTarget(shape: Shape): string;
}

/**
 * TensorFlow's kernels as functions of tensor handles, through the native binding of tfjs-node-gpu, without tfjs's
 * engine and its tape.
 */
import type { FloatArray, HostArray } from "../executor.ts";

/** What the native binding gives: dist/tfjs_binding.d.ts of @tensorflow/tfjs-node-gpu. */
export interface Binding {
  createTensor(shape: readonly number[], dtype: number, data: Float32Array | Int32Array): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): Float32Array | Int32Array | Uint8Array;
  executeOp(
    name: string,
    attributes: readonly Attribute[],
    inputs: readonly number[],
    outputs: number,
  ): readonly { readonly id: number; readonly shape: readonly number[] }[];
  isUsingGpuDevice(): boolean;
  readonly TF_FLOAT: number;
  readonly TF_INT32: number;
  readonly TF_INT64: number;
  readonly TF_BOOL: number;
  readonly TF_ATTR_INT: number;
  readonly TF_ATTR_BOOL: number;
  readonly TF_ATTR_TYPE: number;
  readonly TF_Version: string;
}

interface Attribute {
  readonly name: string;
  readonly type: number;
  readonly value: unknown;
}

/** An array in TensorFlow's memory, to be deleted by whoever made it. */
export interface Handle {
  readonly id: number;
  readonly shape: readonly number[];
}

export class Kernels {
  readonly binding: Binding;
  readonly #float: Attribute;
  /** Small int32 arrays (axes, permutations, shapes) by content; kept. */
  readonly #ints = new Map<string, Handle>();
  readonly #floats = new Map<number, Handle>();

  constructor(binding: Binding) {
    this.binding = binding;
    this.#float = this.type("T", binding.TF_FLOAT);
  }

  /** The array itself, not a copy of it: it must not change while the tensor is there. */
  upload({ shape, data }: HostArray): Handle {
    return {
      id: this.binding.createTensor(
        shape,
        data instanceof Float32Array ? this.binding.TF_FLOAT : this.binding.TF_INT32,
        data,
      ),
      shape,
    };
  }

  /**
   * The array where kernels compute: an upload alone stays on the host, and each kernel that reads it would bring it to
   * a GPU again.
   */
  place(array: FloatArray): Handle {
    const uploaded = this.upload(array);
    try {
      return this.run("Identity", [uploaded]);
    } finally {
      this.delete(uploaded);
    }
  }

  delete({ id }: Handle): void {
    this.binding.deleteTensor(id);
  }

  /** int32 values as a constant; a number is a scalar. */
  ints(values: readonly number[] | number): Handle {
    const key = String(typeof values === "number" ? `scalar ${values}` : values);
    const known =
      this.#ints.get(key) ??
      this.upload(
        typeof values === "number"
          ? { shape: [], data: Int32Array.of(values) }
          : { shape: [values.length], data: Int32Array.from(values) },
      );
    this.#ints.set(key, known);
    return known;
  }

  /** A float constant of shape []. */
  float(value: number): Handle {
    const known = this.#floats.get(value) ?? this.upload({ shape: [], data: Float32Array.of(value) });
    this.#floats.set(value, known);
    return known;
  }

  /** Free the constants. */
  release(): void {
    for (const handle of [...this.#ints.values(), ...this.#floats.values()]) this.delete(handle);
    this.#ints.clear();
    this.#floats.clear();
  }

  type = (name: string, value: number): Attribute => ({ name, type: this.binding.TF_ATTR_TYPE, value });
  indices = (name: string): Attribute => this.type(name, this.binding.TF_INT32);
  flag = (name: string, value: boolean): Attribute => ({ name, type: this.binding.TF_ATTR_BOOL, value });
  integer = (name: string, value: number): Attribute => ({ name, type: this.binding.TF_ATTR_INT, value });

  /** Run a float kernel; `T` is set. */
  run(name: string, inputs: readonly Handle[], attributes: readonly Attribute[] = []): Handle {
    return this.runAll(name, inputs, attributes, 1)[0] as Handle;
  }

  runAll(
    name: string,
    inputs: readonly Handle[],
    attributes: readonly Attribute[],
    outputs: number,
  ): readonly Handle[] {
    return this.binding.executeOp(
      name,
      [this.#float, ...attributes],
      inputs.map(({ id }) => id),
      outputs,
    );
  }

  /** The same for kernels whose type attributes have other names. */
  runWith(name: string, inputs: readonly Handle[], attributes: readonly Attribute[]): Handle {
    return this.binding.executeOp(
      name,
      attributes,
      inputs.map(({ id }) => id),
      1,
    )[0] as Handle;
  }

  /** What `work` returns stays, all else that it made through `keep` is deleted, all of it when it throws. */
  scope<T extends readonly Handle[]>(work: (keep: (handle: Handle) => Handle) => T): T {
    const made: Handle[] = [];
    let results: readonly Handle[] = [];
    try {
      const kept = work((handle) => {
        made.push(handle);
        return handle;
      });
      results = kept;
      return kept;
    } finally {
      for (const handle of made) if (!results.includes(handle)) this.delete(handle);
    }
  }
}

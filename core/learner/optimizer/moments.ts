/** First and second moments of a parameter's gradient, in float32 or 8 bits, and how they are updated and saved. */
import type { AdamWKernel, AdamWStep } from "./adamw-kernel.ts";
import { BlockQuantizer, blockSize, emptyQuantized, type QuantizedArray } from "./block-quantization.ts";
import type { OptimizerState, StateArray } from "./optimizer.ts";

export type MomentType = "float32" | "8bit";

/** What a saved state calls a parameter's moments and their number of updates. */
export const momentNames = { first: "exp_avg", second: "exp_avg_sq", step: "step" } as const;

/** What is appended to a moment's name for the two arrays that it is in 8 bits. */
const quantizedNames = { codes: "codes", scales: "scales" } as const;

/** Parameters with fewer numbers (norms, biases) keep float32 moments: they weigh nothing. */
export const fewestQuantized = 4096;

/** Numbers that are restored to float32 at a time. */
const stretch = 64 * blockSize;

export interface Moments {
  /** Gradients they have seen. */
  count: number;
  /** Update parameter and moments in place; whether the parameter is finite afterwards. */
  update(parameter: Float32Array, gradient: Float32Array, step: AdamWStep): boolean;
  /** The arrays by the suffix of their names, without the count. */
  arrays(): readonly (readonly [suffix: string, array: StateArray])[];
}

/** Makes moments of one type, and reads them back. */
export class MomentMaker {
  readonly #type: MomentType;
  readonly #kernel: AdamWKernel;
  /** What all 8-bit moments are restored and quantized with. */
  #bytes: ByteWork | null = null;

  constructor(type: MomentType, kernel: AdamWKernel) {
    this.#type = type;
    this.#kernel = kernel;
  }

  /** Zeros. */
  begin(shape: readonly number[], length: number): Moments {
    if (this.#quantizes(length))
      return new ByteMoments(this.#work, shape, emptyQuantized(length), emptyQuantized(length));
    return new FloatMoments(this.#kernel, shape, new Float32Array(length), new Float32Array(length));
  }

  #quantizes(length: number): boolean {
    return this.#type === "8bit" && length >= fewestQuantized;
  }

  /**
   * Moments of a saved state by parameter.
   * @throws Error naming the parameter whose moments are incomplete, or of another type than is kept here
   */
  restore(arrays: OptimizerState["arrays"]): Map<string, Moments> {
    const suffix = `.${momentNames.step}`;
    const { first, second } = momentNames;
    const counted = [...arrays.keys()].filter((key) => key.endsWith(suffix)).map((key) => key.slice(0, -suffix.length));
    const begun = [...arrays.keys()]
      .map((key) => new RegExp(`^(.*)\\.${first}(\\.${quantizedNames.codes})?$`).exec(key)?.[1])
      .filter((name) => name !== undefined);
    return new Map(
      [...new Set([...counted, ...begun])].map((name) => {
        const count = arrays.get(name + suffix)?.data[0];
        const quantized = arrays.has(`${name}.${first}.${quantizedNames.codes}`);
        const moments = quantized ? this.#readBytes(arrays, name) : this.#readFloats(arrays, name);
        if (moments === null || count === undefined) {
          throw new Error(
            `AdamW: the saved optimizer state of "${name}" is incomplete: ${first}, ${second} or step is missing or of another size`,
          );
        }
        if (quantized !== this.#quantizes(moments.length)) {
          const types = quantized ? ["8 bits", '"8bit"'] : ["float32", '"float32"'];
          throw new Error(
            `AdamW: the saved moments of "${name}" are in ${types[0]}: go on with optimizer.moments: ${types[1]}, as they were made`,
          );
        }
        moments.count = count;
        return [name, moments] as const;
      }),
    );
  }

  get #work(): ByteWork {
    return (this.#bytes ??= {
      kernel: this.#kernel,
      quantizers: [new BlockQuantizer("signed"), new BlockQuantizer("unsigned")],
      held: [new Float32Array(stretch), new Float32Array(stretch)],
    });
  }

  #readFloats(arrays: OptimizerState["arrays"], name: string): FloatMoments | null {
    const [first, second] = [arrays.get(`${name}.${momentNames.first}`), arrays.get(`${name}.${momentNames.second}`)];
    if (
      !(first?.data instanceof Float32Array) ||
      !(second?.data instanceof Float32Array) ||
      first.data.length !== second.data.length
    )
      return null;
    return new FloatMoments(this.#kernel, first.shape, first.data, second.data);
  }

  #readBytes(arrays: OptimizerState["arrays"], name: string): ByteMoments | null {
    const read = (moment: string): QuantizedArray | null => {
      const [codes, scales] = [quantizedNames.codes, quantizedNames.scales].map(
        (part) => arrays.get(`${name}.${moment}.${part}`)?.data,
      );
      if (
        !(codes instanceof Uint8Array) ||
        !(scales instanceof Float32Array) ||
        scales.length !== Math.ceil(codes.length / blockSize)
      )
        return null;
      return { codes, scales };
    };
    const [first, second] = [read(momentNames.first), read(momentNames.second)];
    if (first === null || first.codes.length !== second?.codes.length) return null;
    return new ByteMoments(
      this.#work,
      arrays.get(`${name}.${momentNames.first}.${quantizedNames.codes}`)!.shape,
      first,
      second,
    );
  }
}

class FloatMoments implements Moments {
  count = 0;
  readonly #kernel: AdamWKernel;
  readonly #shape: readonly number[];
  readonly #first: Float32Array;
  readonly #second: Float32Array;

  constructor(kernel: AdamWKernel, shape: readonly number[], first: Float32Array, second: Float32Array) {
    [this.#kernel, this.#shape, this.#first, this.#second] = [kernel, shape, first, second];
  }

  get length(): number {
    return this.#first.length;
  }

  update(parameter: Float32Array, gradient: Float32Array, step: AdamWStep): boolean {
    return this.#kernel(parameter, gradient, this.#first, this.#second, step);
  }

  arrays() {
    return [
      [momentNames.first, { shape: this.#shape, data: this.#first }],
      [momentNames.second, { shape: this.#shape, data: this.#second }],
    ] as const;
  }
}

interface ByteWork {
  readonly kernel: AdamWKernel;
  readonly quantizers: readonly [first: BlockQuantizer, second: BlockQuantizer];
  readonly held: readonly [first: Float32Array, second: Float32Array];
}

class ByteMoments implements Moments {
  count = 0;
  readonly #work: ByteWork;
  readonly #shape: readonly number[];
  readonly #quantized: readonly [first: QuantizedArray, second: QuantizedArray];

  constructor(work: ByteWork, shape: readonly number[], first: QuantizedArray, second: QuantizedArray) {
    [this.#work, this.#shape, this.#quantized] = [work, shape, [first, second]];
  }

  get length(): number {
    return this.#quantized[0].codes.length;
  }

  /** The update itself sees the new moments in float32, a stretch at a time; what is kept of them is rounded. */
  update(parameter: Float32Array, gradient: Float32Array, step: AdamWStep): boolean {
    const { kernel, quantizers, held } = this.#work;
    let finite = true;
    for (let start = 0; start < parameter.length; start += stretch) {
      const end = Math.min(parameter.length, start + stretch);
      const [first, second] = [held[0].subarray(0, end - start), held[1].subarray(0, end - start)];
      quantizers[0].restore(this.#quantized[0], start, first);
      quantizers[1].restore(this.#quantized[1], start, second);
      finite = kernel(parameter.subarray(start, end), gradient.subarray(start, end), first, second, step) && finite;
      quantizers[0].quantize(first, this.#quantized[0], start);
      quantizers[1].quantize(second, this.#quantized[1], start);
    }
    return finite;
  }

  arrays() {
    const [first, second] = this.#quantized;
    return (
      [
        [momentNames.first, first],
        [momentNames.second, second],
      ] as const
    ).flatMap(([name, { codes, scales }]) => [
      [`${name}.${quantizedNames.codes}`, { shape: this.#shape, data: codes }] as const,
      [`${name}.${quantizedNames.scales}`, { shape: [scales.length], data: scales }] as const,
    ]);
  }
}

/**
 * Rotary position embedding on the host: the angles of a decoder's rows (arXiv:2104.09864), from one position a token
 * or from three (arXiv:2409.12191).
 */

export interface RotaryOptions {
  /** Numbers of a head that turn; pairs (i, i + size / 2) turn together. */
  readonly size: number;
  /** Frequency i is theta^(−2i / size). */
  readonly theta: number;
  /** Which of the three components (time, height, width) each frequency follows, [size / 2]. */
  readonly components: readonly number[];
}

/** Every frequency follows the one position there is; all three components are equal. */
export const oneComponent = (size: number): number[] => new Array<number>(size / 2).fill(0);

/** The first frequencies follow time, the next height, the next width: Qwen2-VL and Qwen2.5-VL. */
export const consecutiveComponents = (sections: readonly number[]): number[] =>
  sections.flatMap((length, component) => new Array<number>(length).fill(component % 3));

/**
 * Height takes frequencies 1, 4, 7, … below 3 · sections[1], width 2, 5, 8, … below 3 · sections[2], time all others:
 * Qwen3-VL.
 */
export function interleavedComponents(sections: readonly number[], size: number): number[] {
  return Array.from({ length: size / 2 }, (_, i) => (i % 3 !== 0 && i < 3 * (sections[i % 3] as number) ? i % 3 : 0));
}

export class Rotary {
  readonly #half: number;
  readonly #components: readonly number[];
  readonly #inverseFrequencies: Float32Array;
  /**
   * cos and sin of every angle of the positions seen so far, [positions, half]: computing them anew took longer than
   * all else that is done to lay out a pass.
   */
  #angles: { readonly cos: Float32Array; readonly sin: Float32Array } = {
    cos: new Float32Array(0),
    sin: new Float32Array(0),
  };

  constructor({ size, theta, components }: RotaryOptions) {
    if (components.length !== size / 2)
      throw new Error(
        `rotary positions: ${components.length} frequencies have a component, a head of ${size} numbers turns by ${size / 2}`,
      );
    this.#half = size / 2;
    this.#components = components;
    this.#inverseFrequencies = inverseFrequencies(this.#half, theta);
  }

  /** cos and sin [rows, size / 2] of positions [3, rows]. */
  of(positions: Int32Array): { cos: Float32Array; sin: Float32Array } {
    const half = this.#half;
    const rows = positions.length / 3;
    const cos = new Float32Array(rows * half);
    const sin = new Float32Array(rows * half);
    this.#grow(positions.reduce((most, position) => Math.max(most, position), 0) + 1);
    const { cos: cosOf, sin: sinOf } = this.#angles;
    for (let row = 0; row < rows; row++) {
      for (let i = 0; i < half; i++) {
        const at = (positions[(this.#components[i] as number) * rows + row] as number) * half + i;
        cos[row * half + i] = cosOf[at] as number;
        sin[row * half + i] = sinOf[at] as number;
      }
    }
    return { cos, sin };
  }

  /** Have the angles of positions below `positions`, at least. */
  #grow(positions: number): void {
    const half = this.#half;
    const known = this.#angles.cos.length / half;
    if (positions <= known) return;
    const cos = new Float32Array(Math.max(positions, 2 * known) * half);
    const sin = new Float32Array(cos.length);
    for (let position = 0; position < cos.length / half; position++) {
      for (let i = 0; i < half; i++) {
        const angle = position * (this.#inverseFrequencies[i] as number);
        cos[position * half + i] = Math.cos(angle);
        sin[position * half + i] = Math.sin(angle);
      }
    }
    this.#angles = { cos, sin };
  }
}

/** theta^(−i / count) for i below `count`, rounded to float32 where the reference rounds. */
export const inverseFrequencies = (count: number, theta: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => 1 / Math.fround(theta ** Math.fround(i / count)));

/**
 * cos and sin of patches' rows and columns, [patches, head / 2]: the first quarter of a head turns with the row, the
 * second with the column.
 */
export function gridAngles(
  places: readonly { readonly row: number; readonly column: number }[],
  headSize: number,
  theta = 10_000,
): { cos: Float32Array; sin: Float32Array } {
  const quarter = headSize / 4;
  const frequencies = inverseFrequencies(quarter, theta);
  const cos = new Float32Array(places.length * 2 * quarter);
  const sin = new Float32Array(cos.length);
  places.forEach(({ row, column }, patch) => {
    for (let i = 0; i < 2 * quarter; i++) {
      const angle = (i < quarter ? row : column) * (frequencies[i % quarter] as number);
      cos[patch * 2 * quarter + i] = Math.cos(angle);
      sin[patch * 2 * quarter + i] = Math.sin(angle);
    }
  });
  return { cos, sin };
}

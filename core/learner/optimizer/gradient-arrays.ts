/**
 * Arrays that gradients are added up in, together in memory of their own: among what passes take and free they would
 * leave gaps that nothing fits.
 */
import { clearPages } from "../../machine/libc.ts";

/**
 * Bytes of a block, at most, where no parameter needs more; at least what allocators take from the system by itself.
 */
const [largestBlock, smallestBlock] = [2 ** 30, 2 ** 26];

/** Bytes that arrays begin at a multiple of, as kernels want them. */
const alignment = 64;

const aligned = (bytes: number): number => Math.ceil(bytes / alignment) * alignment;

export class GradientArrays {
  readonly #arrays = new Map<string, Float32Array>();
  /** What of each block is used. */
  readonly #blocks: Float32Array[] = [];
  readonly #handsBack: boolean;

  /**
   * @param sizes numbers of each parameter
   * @param handsBack whether their memory goes back to the system when they are cleared: it is less while nothing is
   * written to them, and of a small model its pages, which come anew one by one, take a fifth of an update's time
   */
  constructor(sizes: ReadonlyMap<string, number>, handsBack: boolean) {
    this.#handsBack = handsBack;
    let group: [string, number][] = [];
    let bytes = 0;
    for (const [name, size] of sizes) {
      if (group.length > 0 && bytes + 4 * size > largestBlock) {
        this.#place(group, bytes);
        [group, bytes] = [[], 0];
      }
      group.push([name, size]);
      bytes += aligned(4 * size);
    }
    this.#place(group, bytes);
  }

  /** A parameter's array; zeros until it is written to. */
  get(name: string): Float32Array {
    const array = this.#arrays.get(name);
    if (array === undefined) throw new Error(`"${name}" is not trained, and has no gradient`);
    return array;
  }

  /** Zeros in all of them; where memory is handed back, they take none until something is written to them. */
  clear(): void {
    for (const block of this.#blocks) {
      if (this.#handsBack) clearPages(block);
      else block.fill(0);
    }
  }

  /** What is never written to takes no memory. */
  #place(group: readonly (readonly [string, number])[], bytes: number): void {
    const block = new ArrayBuffer(Math.max(bytes, smallestBlock));
    this.#blocks.push(new Float32Array(block, 0, bytes / 4));
    let start = 0;
    for (const [name, size] of group) {
      this.#arrays.set(name, new Float32Array(block, start, size));
      start += aligned(4 * size);
    }
  }
}

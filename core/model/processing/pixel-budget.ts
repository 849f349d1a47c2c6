/**
 * One budget for all pictures that are being decoded: many at once take no more memory than the largest that is
 * allowed.
 */

/** Shares out pixels; who asks for more than are free waits, first come, first served. */
export class PixelBudget {
  readonly #size: number;
  #free: number;
  readonly #waiting: { readonly pixels: number; readonly go: () => void }[] = [];

  constructor(size: number) {
    [this.#size, this.#free] = [size, size];
  }

  /** Do work that needs so many pixels at once; more than the whole budget gets all of it. */
  async with<T>(wanted: number, work: () => Promise<T>): Promise<T> {
    const pixels = Math.min(wanted, this.#size);
    if (this.#waiting.length > 0 || pixels > this.#free)
      await new Promise<void>((go) => this.#waiting.push({ pixels, go }));
    else this.#free -= pixels;
    try {
      return await work();
    } finally {
      this.#free += pixels;
      for (let next = this.#waiting[0]; next !== undefined && next.pixels <= this.#free; next = this.#waiting[0]) {
        this.#free -= next.pixels;
        this.#waiting.shift();
        next.go();
      }
    }
  }
}

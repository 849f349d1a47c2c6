/** Where a step's time goes. */
export class Stopwatch {
  readonly #seconds = new Map<string, number>();

  /** Add the time until a promise settles to a phase. */
  async time<T>(phase: string, work: Promise<T>): Promise<T> {
    const start = performance.now();
    try {
      return await work;
    } finally {
      this.#add(phase, start);
    }
  }

  timeSync<T>(phase: string, work: () => T): T {
    const start = performance.now();
    try {
      return work();
    } finally {
      this.#add(phase, start);
    }
  }

  /** Seconds by phase. */
  get seconds(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#seconds);
  }

  #add(phase: string, start: number): void {
    this.#seconds.set(phase, (this.#seconds.get(phase) ?? 0) + (performance.now() - start) / 1000);
  }
}

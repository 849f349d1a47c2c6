/** Where a step's time goes. */
export class Stopwatch {
  readonly #seconds = new Map<string, number>();
  readonly #charges = new Map<string, number>();

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

  /** Share the time until a promise settles among its parts, and each part's among those it is for; part of a phase, not a phase of its own. */
  async charge<T>(parts: readonly (readonly string[])[], work: Promise<T>): Promise<T> {
    const start = performance.now();
    try {
      return await work;
    } finally {
      const seconds = (performance.now() - start) / 1000 / Math.max(1, parts.length);
      for (const part of parts) for (const name of part) this.#charges.set(name, (this.#charges.get(name) ?? 0) + seconds / part.length);
    }
  }

  /** Seconds by whom they were charged to. */
  get charges(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#charges);
  }

  /** Seconds by phase. */
  get seconds(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#seconds);
  }

  #add(phase: string, start: number): void {
    this.#seconds.set(phase, (this.#seconds.get(phase) ?? 0) + (performance.now() - start) / 1000);
  }
}

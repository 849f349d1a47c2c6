/** Where a step's time goes. */
import type { ProgramRuns } from "../graph/executor.ts";

export class Stopwatch {
  readonly #seconds = new Map<string, number>();
  readonly #charges = new Map<string, number>();

  #runs: ProgramRuns | null = null;

  /** Count runs of programs that are compiled for each set of sizes. */
  ran({ all, atKnownSizes }: ProgramRuns): void {
    this.#runs = { all: (this.#runs?.all ?? 0) + all, atKnownSizes: (this.#runs?.atKnownSizes ?? 0) + atKnownSizes };
  }

  /** The share of counted runs at sizes known before, which compiled nothing; null where none was counted. */
  get knownSizes(): number | null {
    return this.#runs === null || this.#runs.all === 0 ? null : this.#runs.atKnownSizes / this.#runs.all;
  }

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

  /**
   * Share the time until a promise settles among its parts, and each part's among those it is for; part of a phase, not
   * a phase of its own.
   */
  async charge<T>(parts: readonly (readonly string[])[], work: Promise<T>): Promise<T> {
    const start = performance.now();
    try {
      return await work;
    } finally {
      const seconds = (performance.now() - start) / 1000 / Math.max(1, parts.length);
      for (const part of parts)
        for (const name of part) this.#charges.set(name, (this.#charges.get(name) ?? 0) + seconds / part.length);
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

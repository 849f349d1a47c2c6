/**
 * What is being read at this moment: kept where another thread of the process can see it, so that it can say what took
 * too long, or too much memory.
 */

/** Bytes of a place's name. */
export const placeBytes = 1024;

/**
 * What the two threads share: a count that moves with every place, the index of the row that was asked for (−1: none),
 * and the place's name.
 */
export interface SharedPlace {
  /** Int32: [count, index, length of the name, 1 while something is asked]. */
  readonly state: SharedArrayBuffer;
  readonly name: SharedArrayBuffer;
}

/** Told each place's name before it is read. */
export type Watch = (name: string) => void;

let watch: Watch | null = null;

/** From now on places are told. */
export function watchPlaces(told: Watch | null): void {
  watch = told;
}

/** Say what is read next: "rows.jsonl, line 3". */
export function reading(name: string): void {
  watch?.(name);
}

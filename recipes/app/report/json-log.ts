/** JSON lines that are read leniently: what is no line of its kind is left out, counted, and named. */
import { basename } from "node:path";
import { faultsOf } from "@papo/core";
import type { z } from "zod";
import { LineReader, type Line } from "./line-reader.ts";

/** The value, or why there is none. */
export function parseLine<T extends z.ZodType>(text: string, schema: T): { readonly value: z.output<T> } | string {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return "not JSON, perhaps cut short";
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return { value: parsed.data };
  return faultsOf(parsed.error, json);
}

/** A file of lines, each given to `add`, which says what is wrong with it or null. */
export class JsonLog {
  readonly reader: LineReader;
  readonly #add: (line: Line) => string | null;
  readonly #clear: () => void;
  #lines = 0;
  #bad = 0;
  #firstBad = "";

  /** @param clear forgets all lines: the file was written anew */
  constructor(file: string, add: (line: Line) => string | null, clear: () => void, reader = new LineReader(file)) {
    this.reader = reader;
    this.#add = add;
    this.#clear = clear;
  }

  /** Take in what is new, until `enough()`. @returns whether anything changed */
  read(how: { readonly enough?: () => boolean; readonly last?: boolean }): boolean {
    let changed = this.reader.replaced();
    if (changed) {
      this.#clear();
      [this.#lines, this.#bad, this.#firstBad] = [0, 0, ""];
    }
    for (const line of this.reader.read(how)) {
      this.#lines += 1;
      if (line.text.trim() === "") continue;
      changed = true;
      const wrong = this.#add(line);
      if (wrong !== null && this.#bad++ === 0) this.#firstBad = `line ${this.#lines} (${wrong})`;
    }
    return changed;
  }

  /** "samples.jsonl: left out 1 of 3 lines, first line 2 (…)"; nothing where all is well. */
  get problems(): string[] {
    return this.#bad === 0
      ? []
      : [`${basename(this.reader.file)}: left out ${this.#bad} of ${this.#lines} lines, first ${this.#firstBad}`];
  }
}

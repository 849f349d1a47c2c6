/** A run file as it is being translated: what was taken from the peer's options, and why the others were not. */
import { schemaAt, settingsSchema } from "@papo/core";
import type { Entry, PeerConfig } from "./read-config.ts";

export interface Note {
  readonly entry: Entry;
  readonly reason: string;
}

export class Draft {
  readonly settings: Record<string, unknown> = {};
  /** Of `grpo`. */
  readonly recipe: Record<string, unknown> = {};
  /** Code of plugins that follow the recipe, with the names that it needs of @papo/plugins. */
  readonly plugins: { readonly name: string; readonly options: Readonly<Record<string, unknown>> }[] = [];
  readonly data: Record<string, unknown> = {};
  readonly evaluation: Record<string, unknown> = {};
  model = "./model";
  output = "runs/imported";
  /** What was carried over with a difference that matters. */
  readonly remarks: Note[] = [];
  readonly left: Note[] = [];
  readonly #entries: Map<string, Entry>;
  readonly #used = new Set<string>();

  constructor({ entries }: PeerConfig) {
    this.#entries = new Map(entries.map((entry) => [entry.key, entry]));
  }

  /** The value of an option, which counts as read; undefined where it is not given, or null there. */
  take(key: string): unknown {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#used.add(key);
    return entry.value ?? undefined;
  }

  number(key: string): number | undefined {
    const value = this.take(key);
    if (value === undefined || typeof value === "number") return value;
    this.leave(key, `it is ${JSON.stringify(value)}, and a number is needed`);
    return undefined;
  }

  text(key: string): string | undefined {
    const value = this.take(key);
    return value === undefined ? undefined : typeof value === "string" ? value : JSON.stringify(value);
  }

  /** It was read and is not carried over. */
  leave(key: string, reason: string): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) this.left.push({ entry, reason });
    this.#used.add(key);
  }

  remark(key: string, reason: string): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) this.remarks.push({ entry, reason });
  }

  /** Set a setting where its schema takes the value; the reason is told where it does not. @param path without "settings." */
  set(path: string, value: unknown, key: string): void {
    if (value === undefined) return;
    const parts = path.split(".");
    const schema = schemaAt(settingsSchema, parts) as { safeParse(value: unknown): { success: boolean } } | undefined;
    if (schema?.safeParse(value).success === false) {
      this.leave(key, `settings.${path} does not take ${JSON.stringify(value)}`);
      return;
    }
    let place = this.settings;
    for (const part of parts.slice(0, -1)) place = (place[part] ??= {}) as Record<string, unknown>;
    place[parts.at(-1)!] = value;
  }

  /** Options that nobody has read; null asks for nothing. */
  unread(): Entry[] {
    return [...this.#entries.values()].filter(({ key, value }) => value !== null && !this.#used.has(key));
  }
}

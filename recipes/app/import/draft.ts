/** A run file as it is being translated: what was taken from the peer's options, and why the others were not. */
import { parseSettings, schemaAt, settingsSchema } from "@papo/core";
import type { Defaults } from "./peer-defaults.ts";
import { placeOf, type Place } from "./reasons.ts";
import type { Entry, PeerConfig } from "./read-config.ts";

/** A comment on an option of the peer, at the place where it would stand. */
export interface Note {
  readonly entry: Entry;
  readonly reason: string;
  readonly place: Place;
  /** Where the entry stands among all of them; those that are nowhere come last. */
  readonly order: number;
}

/** A plugin to be made. */
export interface PluginCall {
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** Group advantages, the clipped objective, the KL to the start, unless other plugins take their places. */
export interface Method {
  /** Of grpo(). */
  readonly options: Record<string, unknown>;
  advantage?: PluginCall;
  objective?: PluginCall;
  /** Of papo(), around it. */
  papo?: Readonly<Record<string, unknown>>;
}

export interface Setting {
  readonly value: unknown;
  /** As of a note; Infinity where the file is silent. */
  readonly order: number;
}

const own = parseSettings({}) as unknown as Record<string, unknown>;

export class Draft {
  /** By path, "sampling.topP". */
  readonly settings = new Map<string, Setting>();
  readonly method: Method = { options: {} };
  /** Before and after the method. */
  readonly before: PluginCall[] = [];
  readonly plugins: PluginCall[] = [];
  readonly data: Record<string, unknown> = {};
  readonly evaluation: Record<string, unknown> = {};
  model = "./model";
  output = "runs/imported";
  /** What was carried over with a difference that matters. */
  readonly remarks: Note[] = [];
  readonly left: Note[] = [];
  readonly #entries: Map<string, Entry>;
  readonly #order: Map<string, number>;
  readonly #used = new Set<string>();
  readonly #defaults: Defaults["options"];

  constructor({ entries }: PeerConfig, { options }: Defaults) {
    this.#entries = new Map(entries.map((entry) => [entry.key, entry]));
    this.#order = new Map(entries.map(({ key }, at) => [key, at]));
    this.#defaults = options;
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  /**
   * The value of an option, which counts as read; where the file is silent the peer's default. undefined where it is
   * null, or nobody knows.
   */
  take(key: string): unknown {
    const entry = this.#entries.get(key);
    if (entry === undefined) return this.#defaults[key] ?? undefined;
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

  /** It was read, or stands for what the peer does by default, and is not carried over. */
  leave(key: string, reason: string, place?: Place): void {
    this.left.push(this.#note(key, reason, place));
    this.#used.add(key);
  }

  /** On an option that is given. */
  remark(key: string, reason: string, place?: Place): void {
    if (this.has(key)) this.remarks.push(this.#note(key, reason, place));
  }

  /**
   * Set a setting where its schema takes the value; the reason is told where it does not. @param path without
   * "settings."
   */
  set(path: string, value: unknown, key: string): void {
    if (value === undefined) return;
    const parts = path.split(".");
    const schema = schemaAt(settingsSchema, parts) as { safeParse(value: unknown): { success: boolean } } | undefined;
    const silent = !this.has(key);
    if (schema?.safeParse(value).success === false)
      this.leave(key, `settings.${path} does not take ${JSON.stringify(value)}`, "settings");
    else if (!silent || valueAt(own, parts) !== value) this.settings.set(path, { value, order: this.#orderOf(key) });
  }

  /** Options that nobody has read, with the reason; null asks for nothing. */
  unread(reasonFor: (key: string) => string): Note[] {
    const entries = [...this.#entries.values()].filter(({ key, value }) => value !== null && !this.#used.has(key));
    return entries.map(({ key }) => this.#note(key, reasonFor(key)));
  }

  #note(key: string, reason: string, place: Place = placeOf(key)): Note {
    const entry = this.#entries.get(key) ?? { key, value: this.#defaults[key] ?? null, line: null };
    return { entry, reason, place, order: this.#orderOf(key) };
  }

  #orderOf = (key: string): number => this.#order.get(key) ?? Infinity;
}

const valueAt = (tree: Record<string, unknown>, path: readonly string[]): unknown =>
  path.reduce<unknown>((part, name) => (part as Record<string, unknown> | null)?.[name], tree);

/** What a person should know and need not be told twice. */
import type { Events } from "../contracts/events.ts";

/** Alarms of a run that are given once. */
export class Warnings {
  /** The step in progress; 0 before the first. */
  step = 0;
  readonly #given = new Set<string>();
  readonly #events: Events;

  constructor(events: Events) {
    this.#events = events;
  }

  /** @param about what is given once; default: the message itself */
  once(plugin: string, message: string, about = message): void {
    const key = JSON.stringify([plugin, about]);
    if (this.#given.has(key)) return;
    this.#given.add(key);
    this.#events.emit("alarm", { step: this.step, plugin, message });
  }
}

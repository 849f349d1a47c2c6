/** What plugins register under names: views, scorers, rollouts, copies of the weights, teachers. */
import { PluginError } from "../messages/plugin-error.ts";

/** Named things of which there may be one per name. */
export class Registry<T extends { readonly name: string }> {
  readonly items = new Map<string, T>();
  readonly #kind: string;
  readonly #owners = new Map<string, string>();

  constructor(kind: string) {
    this.#kind = kind;
  }

  /** Returns the item's name. */
  add(plugin: string, item: T): string {
    const owner = this.#owners.get(item.name);
    if (owner !== undefined) {
      const known = `the ${this.#kind} "${item.name}", which ${owner} has registered`;
      throw new PluginError(plugin, `registers ${known}; choose another name`);
    }
    this.items.set(item.name, item);
    this.#owners.set(item.name, plugin);
    return item.name;
  }

  ownerOf(name: string): string | undefined {
    return this.#owners.get(name);
  }
}

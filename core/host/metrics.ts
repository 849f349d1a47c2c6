/** Numbers that plugins report in a step, averaged. */
import { PluginError } from "./taps.ts";

/** The metrics of the step in progress. */
export class StepMetrics {
  readonly #owners = new Map<string, string>();
  readonly #sums = new Map<string, { sum: number; count: number }>();

  /** @throws PluginError when another plugin reports under the same name, which would mix the two */
  add(plugin: string, name: string, value: number): void {
    const owner = this.#owners.get(name) ?? plugin;
    if (owner !== plugin) throw new PluginError(plugin, `reports the metric "${name}", which is ${owner}'s; choose another name`);
    this.#owners.set(name, plugin);
    const { sum, count } = this.#sums.get(name) ?? { sum: 0, count: 0 };
    this.#sums.set(name, { sum: sum + value, count: count + 1 });
  }

  /** Mean of what was given under each name since the last call. */
  take(): Record<string, number> {
    const means = Object.fromEntries([...this.#sums].map(([name, { sum, count }]) => [name, sum / count]));
    this.#sums.clear();
    return means;
  }
}

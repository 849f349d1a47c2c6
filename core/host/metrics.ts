/** Numbers that plugins report in a step, averaged. */
import { describe } from "../messages/describe.ts";
import { PluginError } from "../messages/plugin-error.ts";

/** Where the pipeline's own metrics stand: names that end with a stroke are whole families. */
const BUILT_IN = [
  "loss/",
  "ledger/",
  "learner/",
  "rollout/",
  "role/",
  "data/",
  "coefficient/",
  "evaluation/",
  "reward/mean",
  "reward/std",
  "reward/failures",
  "reward/part/",
] as const;

/** The metrics of the step in progress. */
export class StepMetrics {
  readonly #owners = new Map<string, string>();
  readonly #sums = new Map<string, { sum: number; count: number }>();
  #closed = false;
  readonly #warn: (plugin: string, message: string, about: string) => void;

  /** @param warn told once of each metric that is left out, being no finite number */
  constructor(warn: (plugin: string, message: string, about: string) => void) {
    this.#warn = warn;
  }

  /**
   * @throws PluginError when the name is none, the pipeline's or another plugin's, which would hide or mix the two, the
   * value no number, or the run over
   */
  add(plugin: string, name: string, value: number): void {
    if (typeof name !== "string" || name.trim() === "") {
      throw new PluginError(plugin, `reports a metric whose name is ${describe(name)}; name it, "my_method/share" say`);
    }
    if (this.#closed)
      throw new PluginError(
        plugin,
        `reports the metric "${name}" when the run has ended and no step is left to have it; write it into run.output`,
      );
    const owner = this.#owners.get(name) ?? plugin;
    if (owner !== plugin)
      throw new PluginError(plugin, `reports the metric "${name}", which is ${owner}'s; choose another name`);
    const builtIn = BUILT_IN.find((taken) => (taken.endsWith("/") ? name.startsWith(taken) : name === taken));
    if (builtIn !== undefined) {
      throw new PluginError(
        plugin,
        `reports the metric "${name}", and "${builtIn}" is the pipeline's own; choose another name`,
      );
    }
    if (typeof value !== "number")
      throw new PluginError(plugin, `reports ${describe(value)} as the metric "${name}"; it must be a number`);
    this.#owners.set(name, plugin);
    if (!Number.isFinite(value)) {
      this.#warn(plugin, `reports ${value} as the metric "${name}": such values are left out of its mean`, name);
      return;
    }
    const { sum, count } = this.#sums.get(name) ?? { sum: 0, count: 0 };
    this.#sums.set(name, { sum: sum + value, count: count + 1 });
  }

  /** No step comes any more. */
  close(): void {
    this.#closed = true;
  }

  /** Mean of what was given under each name since the last call. */
  take(): Record<string, number> {
    const means = Object.fromEntries([...this.#sums].map(([name, { sum, count }]) => [name, sum / count]));
    this.#sums.clear();
    return means;
  }
}

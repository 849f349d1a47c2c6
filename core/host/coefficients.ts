/** Numbers that may change over time: every one passes through the hook `coefficient` at the start of a step. */
import type { Coefficient } from "../contracts/registered/coefficient.ts";
import type { RunHooks } from "../contracts/hooks.ts";
import type { StepContext } from "../contracts/hook-values.ts";
import { describe } from "../messages/describe.ts";
import { PluginError } from "../messages/plugin-error.ts";

interface Entry {
  readonly coefficient: { readonly name: string; value: number };
  readonly initial: number;
  readonly plugin: string;
}

/** All coefficients of a run. */
export class Coefficients {
  readonly #entries = new Map<string, Entry>();

  /** @throws PluginError when the name is none or taken, or the value is not finite */
  declare(plugin: string, name: string, initial: number): Coefficient {
    if (typeof name !== "string" || name.trim() === "") {
      throw new PluginError(
        plugin,
        `declares a coefficient whose name is ${describe(name)}; name it, "my_method/gamma" say`,
      );
    }
    const taken = this.#entries.get(name);
    if (taken !== undefined)
      throw new PluginError(
        plugin,
        `declares the coefficient "${name}", which ${taken.plugin} has declared; choose another name`,
      );
    if (!Number.isFinite(initial))
      throw new PluginError(plugin, `declares the coefficient "${name}" as ${describe(initial)}; it must be finite`);
    const coefficient = { name, value: initial };
    this.#entries.set(name, { coefficient, initial, plugin });
    return coefficient;
  }

  /** Whether it was declared here. */
  has(value: unknown): value is Coefficient {
    return [...this.#entries.values()].some(({ coefficient }) => coefficient === value);
  }

  /** Ask the hook for every value of this step, each beginning from its initial value. */
  refresh(hook: RunHooks["coefficient"], context: StepContext): void {
    for (const { coefficient, initial } of this.#entries.values()) {
      coefficient.value = hook.call(initial, { name: coefficient.name, ...context });
    }
  }

  /** Let work see other values, those of an earlier step say. */
  async during<T>(values: Readonly<Record<string, number>>, work: () => Promise<T>): Promise<T> {
    const before = this.values();
    const set = (given: Readonly<Record<string, number>>): void => {
      for (const [name, { coefficient }] of this.#entries) coefficient.value = given[name] ?? coefficient.value;
    };
    set(values);
    try {
      return await work();
    } finally {
      set(before);
    }
  }

  /** The values in force, by name. */
  values(): Record<string, number> {
    return Object.fromEntries(
      [...this.#entries.values()].map(({ coefficient }) => [coefficient.name, coefficient.value]),
    );
  }
}

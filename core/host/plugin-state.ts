/** State that plugins keep between steps, saved with the run. */
import { PluginError } from "../messages/plugin-error.ts";

/** Anything JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** By plugin, its cells in the order `run.state` was called. */
export type SavedState = Readonly<Record<string, readonly Json[]>>;

/** The state cells of all plugins of a run. */
export class PluginStates {
  readonly #cells = new Map<string, { value: unknown }[]>();

  /** A new cell; the initial value is copied, so that runs share nothing. */
  declare<T>(plugin: string, initial: T): { value: T } {
    const cell = { value: structuredClone(initial) };
    const cells = this.#cells.get(plugin) ?? [];
    this.#cells.set(plugin, [...cells, cell]);
    return cell;
  }

  /** @throws PluginError when a value would not survive as JSON */
  save(): SavedState {
    const saved = [...this.#cells].map(
      ([plugin, cells]) => [plugin, cells.map(({ value }) => toJson(value, plugin, "state"))] as const,
    );
    return Object.fromEntries(saved);
  }

  /** @throws Error when the saved plugins and cells are not those of this run */
  load(saved: SavedState): void {
    for (const plugin of Object.keys(saved)) {
      if (!this.#cells.has(plugin))
        throw new Error(
          `The saved run holds state of ${plugin}, which this recipe does not list; resume with the recipe it began with`,
        );
    }
    for (const [plugin, cells] of this.#cells) {
      const values = saved[plugin];
      if (values?.length !== cells.length) {
        throw new Error(
          `${plugin} has ${cells.length} state cells and the saved run has ${values?.length ?? 0} of it; resume with the recipe and version it began with`,
        );
      }
      cells.forEach((cell, index) => (cell.value = structuredClone(values[index])));
    }
  }
}

function toJson(value: unknown, plugin: string, path: string): Json {
  if (value === null || typeof value === "boolean" || typeof value === "string") return value;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  if (Array.isArray(value)) return value.map((item, index) => toJson(item, plugin, `${path}[${index}]`));
  if (typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, toJson(item, plugin, `${path}.${key}`)]),
    );
  }
  const found =
    typeof value === "object" ? value.constructor.name : typeof value === "number" ? String(value) : typeof value;
  throw new PluginError(
    plugin,
    `keeps ${found} in ${path}; state is saved as JSON: plain objects, arrays, strings, finite numbers, booleans, null`,
  );
}

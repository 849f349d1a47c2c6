/** Groups that plugins keep from one step for a later one. */
import type { Group } from "../contracts/sample.ts";

/** By plugin, its cells in the order `run.keptGroups` was called. */
export type GroupsByPlugin = Readonly<Record<string, readonly (readonly Group[])[]>>;

/** The cells of kept groups of all plugins of a run. */
export class KeptGroups {
  readonly #cells = new Map<string, { value: readonly Group[] }[]>();

  declare(plugin: string): { value: readonly Group[] } {
    const cell = { value: [] as readonly Group[] };
    this.#cells.set(plugin, [...(this.#cells.get(plugin) ?? []), cell]);
    return cell;
  }

  /** What is kept now; the lists are copies, the groups in them do not change. */
  save(): GroupsByPlugin {
    return Object.fromEntries([...this.#cells].map(([plugin, cells]) => [plugin, cells.map(({ value }) => [...value])]));
  }

  /** Cells that nothing was saved of are empty. @throws Error when groups were saved of a cell that this run does not have */
  load(saved: GroupsByPlugin): void {
    for (const [plugin, lists] of Object.entries(saved)) {
      const cells = this.#cells.get(plugin)?.length ?? 0;
      if (lists.length > cells) {
        throw new Error(`${plugin} has ${cells} cells of kept groups and the saved run has ${lists.length} of it; resume with the recipe and version it began with`);
      }
    }
    for (const [plugin, cells] of this.#cells) cells.forEach((cell, index) => (cell.value = saved[plugin]?.[index] ?? []));
  }
}

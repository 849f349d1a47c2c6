/** Groups that plugins keep from one step for a later one. */
import type { KeptRoom } from "../contracts/step/carried-group.ts";
import type { Group } from "../contracts/step/sample.ts";
import { PluginError } from "../messages/plugin-error.ts";
import { checkFields, fieldsOf, unlessCount } from "./fields.ts";

/** By plugin, its cells in the order `run.keptGroups` was called. */
export type GroupsByPlugin = Readonly<Record<string, readonly (readonly Group[])[]>>;

/** The cells of kept groups of all plugins of a run. */
export class KeptGroups {
  readonly #cells = new Map<string, Cell[]>();

  /** @throws PluginError for a room of other than whole numbers, and for one that holds less than is trained on */
  declare(plugin: string, room?: KeptRoom): { value: readonly Group[] } {
    const cell = new Cell(room === undefined ? null : checkedRoom(plugin, room));
    this.#cells.set(plugin, [...(this.#cells.get(plugin) ?? []), cell]);
    return cell;
  }

  /** What all cells that say so may hold, and train on beside a step's own groups. */
  room(): Required<KeptRoom> {
    const rooms = [...this.#cells.values()].flat().map(({ room }) => room ?? { atMost: 0, beside: 0 });
    return {
      atMost: rooms.reduce((sum, { atMost }) => sum + atMost, 0),
      beside: rooms.reduce((sum, { beside }) => sum + beside, 0),
    };
  }

  /** What is kept now; the lists are copies, the groups in them do not change. */
  save(): GroupsByPlugin {
    return Object.fromEntries(
      [...this.#cells].map(([plugin, cells]) => [plugin, cells.map(({ value }) => [...value])]),
    );
  }

  /**
   * Cells that nothing was saved of are empty.
   * @throws Error when groups were saved of a cell that this run does not have
   */
  load(saved: GroupsByPlugin): void {
    for (const [plugin, lists] of Object.entries(saved)) {
      const cells = this.#cells.get(plugin)?.length ?? 0;
      if (lists.length > cells) {
        throw new Error(
          `${plugin} has ${cells} cells of kept groups and the saved run has ${lists.length} of it; resume with the recipe and version it began with`,
        );
      }
    }
    for (const [plugin, cells] of this.#cells)
      cells.forEach((cell, index) => (cell.value = saved[plugin]?.[index] ?? []));
  }
}

class Cell {
  readonly room: Required<KeptRoom> | null;
  #value: readonly Group[] = [];

  constructor(room: Required<KeptRoom> | null) {
    this.room = room;
  }

  get value(): readonly Group[] {
    return this.#value;
  }

  /** @throws Error for more than there is room for */
  set value(groups: readonly Group[]) {
    if (this.room !== null && groups.length > this.room.atMost) {
      throw new Error(
        `it keeps ${groups.length} groups and asked for room for ${this.room.atMost}; let older ones go, or ask for more with keptGroups({ atMost })`,
      );
    }
    this.#value = groups;
  }
}

function checkedRoom(plugin: string, room: KeptRoom): Required<KeptRoom> {
  const { atMost, beside = 0 } = fieldsOf(room);
  checkFields(plugin, "asks for room for kept groups", room, ["atMost", "beside"], {
    atMost: atMost === undefined ? "a whole number from 1" : unlessCount(atMost),
    beside: !(Number.isInteger(beside) && beside >= 0) && "a whole number from 0",
  });
  if (beside > room.atMost)
    throw new PluginError(
      plugin,
      `asks to train on ${beside} kept groups beside a step's own and keeps ${room.atMost} at most; keep more`,
    );
  return { atMost: room.atMost, beside };
}

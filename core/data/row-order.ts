/** An endless shuffle of a dataset: the order depends on the seed alone, and the place in it can be saved. */
import type { Row } from "../contracts/step/row.ts";
import { permutation, type Random } from "../math/random.ts";
import type { Dataset } from "./dataset.ts";

/** A place in the endless order. */
export interface OrderPosition {
  /** Passes over the dataset finished. */
  readonly epoch: number;
  /** Rows taken of this pass. */
  readonly index: number;
}

export interface RowOrder {
  /** Where the next row comes from; pass it to `createRowOrder` to go on from here. */
  readonly position: OrderPosition;
  next(): Promise<Row>;
}

/** Rows without end, each pass in an order of its own. Throws on an empty dataset. */
export function createRowOrder(
  dataset: Dataset,
  random: Random,
  start: OrderPosition = { epoch: 0, index: 0 },
): RowOrder {
  if (dataset.size === 0)
    throw new Error(`Dataset "${dataset.name}" is empty${skippedHint(dataset)}: there is nothing to train on`);
  let { epoch, index } = start;
  let order = passOf(dataset, random.key(epoch));
  return {
    get position() {
      return { epoch, index };
    },
    async next() {
      if (index >= dataset.size) {
        epoch++;
        index = 0;
        order = passOf(dataset, random.key(epoch));
      }
      return dataset.row(order[index++]!);
    },
  };
}

const passOf = ({ size, shuffle }: Dataset, random: Random): ArrayLike<number> =>
  shuffle?.(random) ?? permutation(random, size);

function skippedHint({ skipped }: Dataset): string {
  const first = skipped[0];
  return first === undefined ? "" : ` after leaving out ${skipped.length} rows (first ${first.where}: ${first.reason})`;
}

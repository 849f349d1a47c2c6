/**
 * The order in which patches enter the vision tower: picture after picture, window after window, merge unit after merge
 * unit.
 */
import { symbol, times } from "../../graph/dims.ts";
import type { HostArray } from "../../graph/executor.ts";
import type { Graph, Value } from "../../graph/graph.ts";
import { type AttentionBlocks, reshape } from "../../graph/ops/index.ts";
import type { EncodedPicture } from "../processing/picture.ts";
import { bucket } from "../../math/bucket.ts";
import { blockInputs, runFeeds } from "../rows/attention-blocks.ts";
import type { PictureFeedOptions } from "../model.ts";
import { packingFeeds, packingInputs, type PackedRuns } from "./packed-attention.ts";
import { gridAngles } from "./rotary.ts";

export interface PatchSource {
  /** Index of the picture, and of the patch in the picture's own (processor's) order. */
  readonly picture: number;
  readonly patch: number;
  /** Position in the picture's grid of patches. */
  readonly row: number;
  readonly column: number;
}

export interface PatchOrder {
  /** Patches, and with `padded` rows of zeros after them. */
  readonly rows: number;
  readonly patchSource: readonly PatchSource[];
  /** Patches per window and per frame of a picture, in order. */
  readonly windows: readonly number[];
  readonly pictures: readonly number[];
  /** Row of the tower's output for each visual token, in the prompt's order. */
  readonly tokenRow: Int32Array;
}

/**
 * Windows are squares of `side` × `side` merge units laid from the top left; those at the right and bottom edge may be
 * smaller. Without windows (`side` infinite) patches come in the processor's own order.
 */
export function patchOrder(
  pictures: readonly EncodedPicture[],
  mergeSize: number,
  side = Infinity,
  { padded = false }: PictureFeedOptions = {},
): PatchOrder {
  const patchSource: PatchSource[] = [];
  const windows: number[] = [];
  const frames: number[] = [];
  const tokenRow: number[] = [];
  const unit = mergeSize ** 2;
  let token = 0;
  pictures.forEach(({ grid: [time, height, width] }, picture) => {
    const [rows, columns] = [height / mergeSize, width / mergeSize];
    for (let frame = 0; frame < time; frame++) {
      const start = patchSource.length;
      for (const cells of windowsOf(rows, columns, side)) {
        for (const [row, column] of cells) {
          const index = (frame * rows + row) * columns + column;
          tokenRow[token + index] = patchSource.length / unit;
          for (let i = 0; i < unit; i++) {
            const [dy, dx] = [Math.floor(i / mergeSize), i % mergeSize];
            patchSource.push({
              picture,
              patch: index * unit + i,
              row: row * mergeSize + dy,
              column: column * mergeSize + dx,
            });
          }
        }
        windows.push(cells.length * unit);
      }
      frames.push(patchSource.length - start);
    }
    token += time * rows * columns;
  });
  const units = patchSource.length / unit;
  const rows = unit * (padded ? bucket(units, 8) : units);
  return { rows, patchSource, windows, pictures: frames, tokenRow: Int32Array.from(tokenRow) };
}

function* windowsOf(rows: number, columns: number, side: number): Generator<[number, number][]> {
  for (let top = 0; top < rows; top += side) {
    for (let left = 0; left < columns; left += side) {
      const cells: [number, number][] = [];
      for (let row = top; row < Math.min(top + side, rows); row++) {
        for (let column = left; column < Math.min(left + side, columns); column++) cells.push([row, column]);
      }
      yield cells;
    }
  }
}

/**
 * The grid of a picture of about so many merge units, as square as may be: rows times columns are as near as can be.
 */
export function gridOfUnits(units: number, mergeSize: number): EncodedPicture["grid"] {
  const rows = Math.max(1, Math.round(Math.sqrt(units)));
  return [1, rows * mergeSize, Math.max(1, Math.round(units / rows)) * mergeSize];
}

/** What decides the shapes of a tower over patches that stand in merge units of mergeSize × mergeSize. */
export interface PatchSizes {
  /** Width of the tower. */
  readonly hiddenSize: number;
  readonly heads: number;
  /** Side of a patch, pixels; patches a side of a visual token; frames of a patch. */
  readonly patchSize: number;
  readonly mergeSize: number;
  readonly temporalPatchSize: number;
  readonly channels: number;
}

/** Numbers of a patch. */
export const patchNumbers = ({ channels, temporalPatchSize, patchSize }: PatchSizes): number =>
  channels * temporalPatchSize * patchSize ** 2;

/**
 * The inputs that `patchFeeds` fills: T = F · mergeSize² patches, cos and sin of their places [T, head / 2], and which
 * stand in one picture.
 */
export interface PatchInputs {
  readonly F: ReturnType<typeof symbol>;
  /** [T, numbers of a patch]. */
  readonly pixels: Value;
  readonly cos: Value;
  readonly sin: Value;
  readonly pictures: PackedRuns | AttentionBlocks;
}

export function patchInputs(graph: Graph, sizes: PatchSizes, inBlocks: boolean): PatchInputs {
  const F = symbol("F");
  const unit = sizes.mergeSize ** 2;
  const T = times(unit, F);
  const half = sizes.hiddenSize / sizes.heads / 2;
  return {
    F,
    pixels: reshape(graph.input("pixels", [F, unit, patchNumbers(sizes)]), [T, patchNumbers(sizes)]),
    cos: graph.input("vision.cos", [T, half]),
    sin: graph.input("vision.sin", [T, half]),
    pictures: inBlocks ? blockInputs(graph, "pictures") : packingInputs(graph, "pictures", F, unit),
  };
}

export function patchFeeds(
  pictures: readonly EncodedPicture[],
  order: PatchOrder,
  sizes: PatchSizes,
  { inBlocks = false, padded = false }: PictureFeedOptions,
): Record<string, HostArray> {
  const unit = sizes.mergeSize ** 2;
  const patch = patchNumbers(sizes);
  const { rows } = order;
  const pixels = new Float32Array(rows * patch);
  order.patchSource.forEach(({ picture, patch: index }, row) => {
    pixels.set((pictures[picture] as EncodedPicture).pixels.subarray(index * patch, (index + 1) * patch), row * patch);
  });
  const { cos, sin } = gridAngles(order.patchSource, sizes.hiddenSize / sizes.heads);
  const half = cos.length / order.patchSource.length;
  const angles = (data: Float32Array): HostArray => {
    const all = new Float32Array(rows * half);
    all.set(data);
    return { shape: [rows, half], data: all };
  };
  return {
    pixels: { shape: [rows / unit, unit, patch], data: pixels },
    "vision.cos": angles(cos),
    "vision.sin": angles(sin),
    ...(inBlocks
      ? runFeeds("pictures", order.pictures, { heads: sizes.heads, rows, padded })
      : packingFeeds("pictures", order.pictures, { unit, rows, padded })),
  };
}

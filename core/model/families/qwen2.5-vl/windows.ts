/** The order in which patches enter the vision tower: picture after picture, window after window, merge unit after merge unit. */
import type { VisionConfig } from "../../files/config.ts";
import type { EncodedPicture } from "../../processing/picture.ts";

export interface PatchSource {
  /** Index of the picture, and of the patch in the picture's own (processor's) order. */
  readonly picture: number;
  readonly patch: number;
  /** Position in the picture's grid of patches. */
  readonly row: number;
  readonly column: number;
}

export interface Layout {
  readonly patchSource: readonly PatchSource[];
  /** Patches per window and per frame of a picture, in order. */
  readonly windows: readonly number[];
  readonly pictures: readonly number[];
  /** Row of the tower's output for each visual token, in the prompt's order. */
  readonly tokenRow: Int32Array;
}

/** Windows are squares of `windowSize` pixels laid from the top left; those at the right and bottom edge may be smaller. */
export function layoutOf(pictures: readonly EncodedPicture[], config: VisionConfig): Layout {
  const patchSource: PatchSource[] = [];
  const windows: number[] = [];
  const frames: number[] = [];
  const tokenRow: number[] = [];
  const { mergeSize } = config;
  const unit = mergeSize ** 2;
  const side = Math.floor(config.windowSize / mergeSize / config.patchSize);
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
            patchSource.push({ picture, patch: index * unit + i, row: row * mergeSize + dy, column: column * mergeSize + dx });
          }
        }
        windows.push(cells.length * unit);
      }
      frames.push(patchSource.length - start);
    }
    token += time * rows * columns;
  });
  return { patchSource, windows, pictures: frames, tokenRow: Int32Array.from(tokenRow) };
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

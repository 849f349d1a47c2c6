/** Patches of a picture as the models' first layers read them: normalised, [channel, frame, row, column]. */

/** Per channel, of values scaled by `rescaleFactor`. */
export interface Normalisation {
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
  readonly rescaleFactor: number;
}

export class PatchWriter {
  /** Numbers of a patch. */
  readonly length: number;
  readonly #side: number;
  readonly #frames: number;
  /** Normalised value of each grey level, [3, 256]. */
  readonly #levels: Float32Array;

  /** @param side of a patch, pixels; `frames`: how often a picture's patch is repeated */
  constructor(normalisation: Normalisation, side: number, frames = 1) {
    this.#side = side;
    this.#frames = frames;
    this.#levels = normalisedLevels(normalisation);
    this.length = 3 * frames * side ** 2;
  }

  /** Write the patch whose first pixel is at (x, y) of 8-bit RGB, [height, width, 3]. */
  write(out: Float32Array, at: number, data: Uint8Array, width: number, x: number, y: number): void {
    const side = this.#side;
    const area = side * side;
    for (let channel = 0; channel < 3; channel++) {
      const start = at + channel * this.#frames * area;
      let into = start;
      for (let row = 0; row < side; row++) {
        let pixel = ((y + row) * width + x) * 3 + channel;
        for (let column = 0; column < side; column++, pixel += 3)
          out[into++] = this.#levels[channel * 256 + data[pixel]!]!;
      }
      for (let frame = 1; frame < this.#frames; frame++) out.copyWithin(start + frame * area, start, start + area);
    }
  }
}

/**
 * (level − mean/rescale) / (std/rescale), in float32 like transformers, which folds the rescaling into mean and
 * deviation.
 */
function normalisedLevels({ mean, std, rescaleFactor }: Normalisation): Float32Array {
  return Float32Array.from({ length: 3 * 256 }, (_, i) => {
    const channel = Math.floor(i / 256);
    const centred = Math.fround((i % 256) - Math.fround(Math.fround(mean[channel]!) * (1 / rescaleFactor)));
    return centred / Math.fround(Math.fround(std[channel]!) * (1 / rescaleFactor));
  });
}

/** How the numbers of an encoded picture lie, for who reads or changes them. */
export interface PatchLayout extends Omit<Normalisation, "rescaleFactor"> {
  /** Side of a patch, pixels; frames of a patch, which a picture repeats; patches a side of a visual token. */
  readonly patch: number;
  readonly temporal: number;
  readonly merge: number;
  /** Patches lie visual token by visual token, or row by row in each tile. */
  readonly order: "tokens" | "rows";
}

/** The visual token that each patch of a grid is part of, [patches]. */
export function tokensOfPatches(
  [tiles, rows, columns]: readonly [number, number, number],
  { merge, order }: Pick<PatchLayout, "merge" | "order">,
): Int32Array {
  const perTile = rows * columns;
  const tokenOf = (patch: number): number => {
    if (order === "tokens") return Math.floor(patch / merge ** 2);
    const [tile, row, column] = [Math.floor(patch / perTile), Math.floor((patch % perTile) / columns), patch % columns];
    return (tile * perTile) / merge ** 2 + Math.floor(row / merge) * (columns / merge) + Math.floor(column / merge);
  };
  return Int32Array.from({ length: tiles * perTile }, (_, patch) => tokenOf(patch));
}

/**
 * Regions of a picture with structure in them: strokes, symbols, edges (KAWHI's structure-guided union-find,
 * arXiv:2603.27375, Sec. 3.2).
 */
import type { Picture, Random } from "@papo/core";
import sharp from "sharp";

export interface RegionOptions {
  /** δ_s: neighbours whose structure differs by less are one region. */
  readonly structure: number;
  /** δ_l: and whose lightness differs by less, of 100. */
  readonly lightness: number;
  /** β: a region is key above this times the median energy. */
  readonly energy: number;
  /** Standard deviation of the smoothing, pixels. */
  readonly sigma: number;
  /** r_skip: share of the other regions' cells that are left out. */
  readonly skip: number;
}

/** What is known of a cell: eigenvalues of its structure tensor, and its mean lightness. */
interface Cell {
  readonly largest: number;
  readonly least: number;
  readonly lightness: number;
}

/**
 * 1 for the cells of key regions and for some of the others, at least one, [rows · columns], of a picture that is
 * scaled to `side` pixels a cell.
 */
export async function keyCells(
  picture: Picture,
  { rows, columns, side }: { readonly rows: number; readonly columns: number; readonly side: number },
  options: RegionOptions,
  random: Random,
): Promise<Uint8Array> {
  const scaled = await scaledTo(picture, columns * side, rows * side);
  const regions = regionsOf(
    cellsOf(smoothed(lightnessOf(scaled), columns * side, options.sigma), { rows, columns, side }),
    columns,
    options,
  );
  const energies = regions.map(({ energy }) => energy).sort((a, b) => a - b);
  const middle = energies.length >> 1;
  const median = energies.length % 2 === 1 ? energies[middle]! : (energies[middle - 1]! + energies[middle]!) / 2;
  const threshold = Math.max(options.energy * median, epsilon);
  const chosen = new Uint8Array(rows * columns);
  for (const { cells, energy } of regions) {
    const kept =
      energy > threshold ? cells : sampled(cells, Math.round((1 - options.skip) * cells.length), random.key(cells[0]!));
    for (const cell of kept) chosen[cell] = 1;
  }
  if (!chosen.includes(1)) chosen[0] = 1;
  return chosen;
}

async function scaledTo({ data, width, height }: Picture, toWidth: number, toHeight: number): Promise<Uint8Array> {
  if (width === toWidth && height === toHeight) return data;
  return new Uint8Array(
    await sharp(data, { raw: { width, height, channels: 3 } })
      .resize(toWidth, toHeight, { fit: "fill" })
      .raw()
      .toBuffer(),
  );
}

/** CIELAB's L* of sRGB, 0 to 100. */
function lightnessOf(data: Uint8Array): Float64Array {
  const linear = Float64Array.from({ length: 256 }, (_, level) =>
    level / 255 <= 0.04045 ? level / 255 / 12.92 : ((level / 255 + 0.055) / 1.055) ** 2.4,
  );
  return Float64Array.from({ length: data.length / 3 }, (_, pixel) => {
    const [red, green, blue] = [0, 1, 2].map((channel) => linear[data[3 * pixel + channel]!]!) as [
      number,
      number,
      number,
    ];
    const Y = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    return 116 * (Y > 216 / 24389 ? Math.cbrt(Y) : ((24389 / 27) * Y + 16) / 116) - 16;
  });
}

/** Gaussian smoothing to three standard deviations, edge pixels repeated. */
function smoothed(values: Float64Array, width: number, sigma: number): Float64Array {
  const radius = Math.ceil(3 * sigma);
  const kernel = Array.from({ length: 2 * radius + 1 }, (_, i) => Math.exp(-((i - radius) ** 2) / (2 * sigma ** 2)));
  const total = kernel.reduce((a, b) => a + b, 0);
  const height = values.length / width;
  const along = (from: Float64Array, stepX: number, stepY: number): Float64Array =>
    from.map((_, at) =>
      kernel.reduce(
        (sum, weight, i) =>
          sum +
          (weight / total) *
            pixelAt(
              from,
              width,
              height,
              (at % width) + stepX * (i - radius),
              Math.floor(at / width) + stepY * (i - radius),
            ),
        0,
      ),
    );
  return along(along(values, 1, 0), 0, 1);
}

const pixelAt = (values: Float64Array, width: number, height: number, x: number, y: number): number =>
  values[Math.min(Math.max(y, 0), height - 1) * width + Math.min(Math.max(x, 0), width - 1)]!;

/** Structure tensors of Sobel gradients, averaged over each cell, as their eigenvalues. */
function cellsOf(
  values: Float64Array,
  { rows, columns, side }: { readonly rows: number; readonly columns: number; readonly side: number },
): Cell[] {
  const [width, height] = [columns * side, rows * side];
  const sums = Array.from({ length: rows * columns }, () => ({ xx: 0, xy: 0, yy: 0, lightness: 0 }));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const v = (dx: number, dy: number): number => pixelAt(values, width, height, x + dx, y + dy);
      const gx = v(1, -1) + 2 * v(1, 0) + v(1, 1) - v(-1, -1) - 2 * v(-1, 0) - v(-1, 1);
      const gy = v(-1, 1) + 2 * v(0, 1) + v(1, 1) - v(-1, -1) - 2 * v(0, -1) - v(1, -1);
      const sum = sums[Math.floor(y / side) * columns + Math.floor(x / side)]!;
      sum.xx += gx * gx;
      sum.xy += gx * gy;
      sum.yy += gy * gy;
      sum.lightness += v(0, 0);
    }
  }
  return sums.map(({ xx, xy, yy, lightness }) => {
    const [half, spread] = [(xx + yy) / 2, Math.hypot((xx - yy) / 2, xy)];
    return {
      largest: (half + spread) / side ** 2,
      least: Math.max(0, half - spread) / side ** 2,
      lightness: lightness / side ** 2,
    };
  });
}

/** Cells that are alike and touch at a side, joined (Eq. 8), with the mean trace of their tensors (Eq. 9). */
function regionsOf(
  cells: readonly Cell[],
  columns: number,
  { structure, lightness }: RegionOptions,
): { readonly cells: number[]; readonly energy: number }[] {
  const parent = cells.map((_, cell) => cell);
  const root = (cell: number): number => {
    while (parent[cell] !== cell) cell = parent[cell] = parent[parent[cell]!]!;
    return cell;
  };
  const alike = (a: Cell, b: Cell): boolean =>
    Math.hypot(a.largest - b.largest, a.least - b.least) / Math.max(a.largest, b.largest, epsilon) < structure &&
    Math.abs(a.lightness - b.lightness) < lightness;
  cells.forEach((cell, index) => {
    for (const other of [...(index % columns > 0 ? [index - 1] : []), ...(index >= columns ? [index - columns] : [])]) {
      if (alike(cell, cells[other]!)) parent[Math.max(root(index), root(other))] = Math.min(root(index), root(other));
    }
  });
  const members = new Map<number, number[]>();
  cells.forEach((_, cell) => members.set(root(cell), [...(members.get(root(cell)) ?? []), cell]));
  return [...members.values()].map((own) => ({
    cells: own,
    energy: own.reduce((sum, cell) => sum + cells[cell]!.largest + cells[cell]!.least, 0) / own.length,
  }));
}

/** What flat cells, whose tensors are rounding, stay below: they are alike, and none is key. */
const epsilon = 1e-6;

/** So many of the cells, drawn. */
function sampled(cells: readonly number[], count: number, random: Random): number[] {
  const drawn = cells
    .map((cell, index) => ({ cell, draw: random.uniform(index) }))
    .sort((a, b) => a.draw - b.draw || a.cell - b.cell);
  return drawn.slice(0, count).map(({ cell }) => cell);
}

/** Regions that a text names, and what of a picture lies in them. */
import type { Picture } from "@papo/core";

/** Left, top, right and bottom. @unit pixels */
export type Box = readonly [x1: number, y1: number, x2: number, y2: number];

export interface NamedRegion {
  /** As it was written: "b2", or "10, 20, 50, 60". */
  readonly name: string;
  box(picture: Pick<Picture, "width" | "height">): Box;
}

export interface RegionNotation {
  /** Regular expression with two or four groups. */
  readonly region: string;
  readonly units: "pixels" | "thousandths";
  readonly cell: number;
}

/** The last region in a text; null without one. @throws Error for an expression that has neither two nor four groups */
export function regionOf(text: string, { region, units, cell }: RegionNotation): NamedRegion | null {
  const groups = [...text.matchAll(new RegExp(region, "g"))].at(-1)?.slice(1);
  if (groups === undefined) return null;
  if (groups.length === 2) {
    const [row, column] = [(groups[0] ?? "").toLowerCase().charCodeAt(0) - "a".charCodeAt(0), Number(groups[1]) - 1];
    return { name: groups.join(""), box: () => [column * cell, row * cell, (column + 1) * cell, (row + 1) * cell] };
  }
  if (groups.length !== 4) {
    throw new Error(
      `region has ${groups.length} groups; give it four, x1, y1, x2, y2, or two, a cell's row and column`,
    );
  }
  const [x1, y1, x2, y2] = groups.map(Number) as [number, number, number, number];
  const name = groups.join(", ");
  if (units === "pixels") return { name, box: () => [x1, y1, x2, y2] };
  const thousandth = (value: number, side: number): number => (value * side) / 1000;
  const box = ({ width, height }: Pick<Picture, "width" | "height">): Box => [
    thousandth(x1, width),
    thousandth(y1, height),
    thousandth(x2, width),
    thousandth(y2, height),
  ];
  return { name, box };
}

/** What of a box lies in the picture, widened to `leastSide` where it can be; null where nothing does. */
export function cropped(picture: Picture, [x1, y1, x2, y2]: Box, leastSide: number): Picture | null {
  const columns = span(x1, x2, picture.width, leastSide);
  const rows = span(y1, y2, picture.height, leastSide);
  if (columns === null || rows === null) return null;
  const [left, right] = columns;
  const [top, bottom] = rows;
  const width = right - left;
  const data = new Uint8Array(3 * width * (bottom - top));
  for (let y = top; y < bottom; y++) {
    const row = picture.data.subarray(3 * (y * picture.width + left), 3 * (y * picture.width + right));
    data.set(row, 3 * (y - top) * width);
  }
  const { limits } = picture;
  const source = `${picture.source} [${left}, ${top}, ${right}, ${bottom}]`;
  return { width, height: bottom - top, data, source, ...(limits === undefined ? {} : { limits }) };
}

/**
 * Whole pixels of a stretch inside 0 … size, at least `least` of them where there are so many; null for what is not in
 * there or no stretch.
 */
function span(from: number, to: number, size: number, least: number): readonly [number, number] | null {
  const [start, end] = [Math.max(0, Math.floor(from)), Math.min(size, Math.ceil(to))];
  // Written so that what is no number is no stretch either.
  if (!(end > start)) return null;
  const wanted = Math.min(size, Math.max(end - start, least));
  const first = Math.min(Math.max(0, Math.round((start + end - wanted) / 2)), size - wanted);
  return [first, first + wanted];
}

/**
 * Scenes: coloured symbols on a grid of cells, rows named a, b, … and columns 1, 2, … (the cell of row 1, column 3 is
 * "a3"). A scene is content only; how it is painted (jitter, sizes, shades) is decided in draw.ts.
 */
import type { Draws } from "./draws.ts";

export const colours = ["red", "green", "blue", "yellow", "purple"] as const;
export const shapes = ["circle", "square", "triangle", "cross"] as const;
const digits = ["1", "2", "3", "4", "5", "6"] as const;
export const symbols = [...shapes, ...digits] as const;

export type Colour = (typeof colours)[number];
export type Shape = (typeof shapes)[number];
export type Digit = (typeof digits)[number];
export type SceneSymbol = Shape | Digit;

/** Cells of a picture; a cell is 28 by 28 pixels, the square that becomes one visual token. */
export interface Grid {
  /** 2 to 4. */
  readonly rows: number;
  /** 2 to 4. */
  readonly columns: number;
}

export interface SceneObject {
  readonly cell: string;
  readonly colour: Colour;
  readonly symbol: SceneSymbol;
}

export interface Scene {
  readonly grid: Grid;
  /** In reading order; at most one per cell. */
  readonly objects: readonly SceneObject[];
}

export type Split = "train" | "test";

/** The 84 × 84 picture on which learning is seen within a minute. */
export const defaultGrid: Grid = { rows: 3, columns: 3 };

/**
 * Mostly 84 × 84, with 84 × 56, 84 × 112 and 112 × 112 (width × height) beside it. Repeated entries are drawn more
 * often.
 */
export const mixedGrids: readonly Grid[] = [
  ...Array.from({ length: 5 }, () => defaultGrid),
  { rows: 2, columns: 3 },
  { rows: 4, columns: 3 },
  { rows: 4, columns: 4 },
];

/** Share of all scenes that belongs to the test split: one in this many. */
const testOneIn = 5;

export const isDigit = (symbol: string): symbol is Digit => (digits as readonly string[]).includes(symbol);
export const isColour = (word: string): word is Colour => (colours as readonly string[]).includes(word);
export const isSymbol = (word: string): word is SceneSymbol => (symbols as readonly string[]).includes(word);

export const cellName = (row: number, column: number): string => "abcd".charAt(row) + String(column + 1);

/** Row and column of a cell's name, from 0; null when it names no cell of the grid. */
export function cellPlace(cell: string, grid: Grid): { readonly row: number; readonly column: number } | null {
  const row = "abcd".indexOf(cell.charAt(0));
  const column = "1234".indexOf(cell.charAt(1));
  const named = cell.length === 2 && row >= 0 && column >= 0 && row < grid.rows && column < grid.columns;
  return named ? { row, column } : null;
}

export const objectAt = (scene: Scene, cell: string): SceneObject | null =>
  scene.objects.find((object) => object.cell === cell) ?? null;

/** "red circle". */
export const looksOf = (object: SceneObject): string => `${object.colour} ${object.symbol}`;

/** Objects of a colour or with a symbol. */
export const objectsWith = (scene: Scene, attribute: string): SceneObject[] =>
  scene.objects.filter((object) => object.colour === attribute || object.symbol === attribute);

export interface SceneOptions {
  readonly grid: Grid;
  /** Smallest and largest number of digits; null: each object is a digit once in four. */
  readonly digits: readonly [number, number] | null;
}

/** A random scene: 2 objects to two thirds of the cells, of 2 or 3 colours and 2 or 3 shapes, so that counts vary. */
export function sampleScene(draws: Draws, options: SceneOptions): Scene {
  const { grid } = options;
  const cells = Array.from({ length: grid.rows * grid.columns }, (_, index) => index);
  const fewest = Math.max(2, options.digits?.[1] ?? 0);
  const count = draws.integer(fewest, Math.round((cells.length * 2) / 3));
  const places = draws.choose(cells, count).sort((a, b) => a - b);
  const digitPlaces = new Set(
    options.digits === null
      ? places.filter(() => draws.uniform() < 0.25)
      : draws.choose(places, draws.integer(options.digits[0], options.digits[1])),
  );
  const sceneColours = draws.choose(colours, draws.integer(2, 3));
  const sceneShapes = draws.choose(shapes, draws.integer(2, 3));
  const objects = places.map((place) => ({
    cell: cellName(Math.floor(place / grid.columns), place % grid.columns),
    colour: draws.pick(sceneColours),
    symbol: digitPlaces.has(place) ? draws.pick(digits) : draws.pick(sceneShapes),
  }));
  return { grid, objects };
}

/** A scene's content as text; equal for equal scenes, however they are painted. */
export const sceneKey = (scene: Scene): string =>
  `${scene.grid.rows}x${scene.grid.columns} ${scene.objects.map((object) => `${object.cell} ${looksOf(object)}`).join(", ")}`;

/** The split a scene belongs to, decided by its content alone: no scene is ever in both. */
export const splitOf = (scene: Scene): Split => (hashText(sceneKey(scene)) % testOneIn === 0 ? "test" : "train");

/** 32-bit FNV-1a with a final mix, so that all residues are equally likely. */
function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

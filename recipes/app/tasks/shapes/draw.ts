/**
 * Scenes become pictures. Every symbol is drawn as SVG and rasterised once, through sharp; a picture is composed from
 * these sprites in JavaScript, several thousand a second, and can be written as a PNG file like any user's picture.
 */
import { createRandom, type Picture, type Random } from "@papo/core";
import sharp from "sharp";
import { drawsOf, type Draws } from "./draws.ts";
import { cellPlace, symbols, type Colour, type Scene, type SceneObject } from "./scene.ts";

/** Width and height of a cell, and of a sprite, in pixels: patch size 14, two by two patches merged. */
export const cellSize = 28;

const radii = [8.5, 9.75, 11] as const;
const largestShift = 2;
const shade = 0.08 * 255;
const noiseDeviation = 0.03 * 255;
const noiseLength = 1 << 16;

const palette: Readonly<Record<Colour, readonly [number, number, number]>> = {
  red: [220, 40, 40],
  green: [40, 180, 60],
  blue: [50, 80, 230],
  yellow: [225, 195, 10],
  purple: [160, 50, 200],
};

/** Digits as strokes in a box of ±1, so that no font is needed. */
const strokes: Readonly<Record<string, string>> = {
  "1": "M-.4-.55L.1-1V1M-.4 1H.6",
  "2": "M-.6-.5C-.6-1.15.6-1.15.6-.45C.6.1-.6.5-.6 1H.65",
  "3": "M-.55-1H.55L-.05-.2C.85-.3.85 1 0 1C-.3 1-.5.9-.6.7",
  "4": "M.3 1V-1L-.65.4H.7",
  "5": "M.5-1H-.45L-.5-.1C.1-.5.65-.15.65.35C.65 1.1-.3 1.2-.6.75",
  "6": "M.45-.95C-.35-.75-.6-.2-.6.35C-.6 1.2.6 1.2.6.4C.6-.25-.5-.3-.58.3",
};

/** What `drawScene` needs, made once by `loadSprites`. */
export interface Sprites {
  /** Coverage in [0, 1] of each symbol at each size, [cellSize, cellSize], by `symbol/size`. */
  readonly coverage: ReadonlyMap<string, Float32Array>;
  /** Normally distributed grey levels, [noiseLength]. */
  readonly noise: Float32Array;
}

/** The SVG of one symbol of radius r around the origin, white. */
function symbolSvg(symbol: string, r: number): string {
  if (symbol === "circle") return `<circle r="${r}"/>`;
  if (symbol === "square") return `<rect x="${-r * 0.88}" y="${-r * 0.88}" width="${r * 1.76}" height="${r * 1.76}"/>`;
  if (symbol === "triangle") return `<path d="M0${-r * 0.95}L${r * 1.04} ${r * 0.85}H${-r * 1.04}Z"/>`;
  if (symbol === "cross") return `<path d="M${-r} 0H${r}M0${-r}V${r}" stroke="#fff" stroke-width="${r * 0.6}"/>`;
  return `<path transform="scale(${r * 0.86})" d="${strokes[symbol]}" fill="none" stroke="#fff" stroke-width=".4"/>`;
}

/** Rasterise all symbols at all sizes (one SVG sheet) and make the noise. The same on every call. */
export async function loadSprites(): Promise<Sprites> {
  const width = radii.length * cellSize;
  const height = symbols.length * cellSize;
  const placed = symbols.flatMap((symbol, row) =>
    radii.map(
      (r, column) =>
        `<g transform="translate(${(column + 0.5) * cellSize} ${(row + 0.5) * cellSize})">${symbolSvg(symbol, r)}</g>`,
    ),
  );
  const sheet = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" fill="#fff">${placed.join("")}</svg>`;
  const pixels = await sharp(Buffer.from(sheet)).extractChannel("alpha").raw().toBuffer();

  const coverage = new Map<string, Float32Array>();
  symbols.forEach((symbol, row) => {
    radii.forEach((_, column) => {
      const sprite = Float32Array.from({ length: cellSize * cellSize }, (_unused, index) => {
        const y = row * cellSize + Math.floor(index / cellSize);
        const x = column * cellSize + (index % cellSize);
        return (pixels[y * width + x] ?? 0) / 255;
      });
      coverage.set(`${symbol}/${column}`, sprite);
    });
  });
  return { coverage, noise: normalNoise(drawsOf(createRandom(0).key("shapes", "noise"))) };
}

function normalNoise(draws: Draws): Float32Array {
  return Float32Array.from({ length: noiseLength }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - draws.uniform()));
    return noiseDeviation * radius * Math.cos(2 * Math.PI * draws.uniform());
  });
}

/**
 * Paint a scene, [rows · 28, columns · 28, 3]: a light background, every object near the middle of its cell (± 2
 * pixels, one of three sizes, its colour slightly off), noise of 3 %. The same scene, random key and sprites give the
 * same bytes.
 */
export function drawScene(scene: Scene, random: Random, sprites: Sprites): Picture {
  const draws = drawsOf(random);
  const width = scene.grid.columns * cellSize;
  const height = scene.grid.rows * cellSize;
  const canvas = new Float32Array(width * height * 3);
  for (let channel = 0; channel < 3; channel++) {
    const level = draws.between(0.75, 0.98) * 255;
    for (let index = channel; index < canvas.length; index += 3) canvas[index] = level;
  }
  for (const object of scene.objects) paint(canvas, scene, object, draws, sprites);

  const data = new Uint8ClampedArray(canvas.length);
  const from = draws.integer(0, noiseLength - 1);
  for (let index = 0; index < data.length; index++)
    data[index] = canvas[index]! + sprites.noise[(from + index) % noiseLength]!;
  return { width, height, data: new Uint8Array(data.buffer), source: "a drawn scene" };
}

function paint(canvas: Float32Array, scene: Scene, object: SceneObject, draws: Draws, sprites: Sprites): void {
  const place = cellPlace(object.cell, scene.grid);
  const size = draws.integer(0, radii.length - 1);
  const sprite = sprites.coverage.get(`${object.symbol}/${size}`);
  if (place === null || sprite === undefined)
    throw new Error(`drawScene: cannot place ${JSON.stringify(object)} on ${JSON.stringify(scene.grid)}`);
  const left = place.column * cellSize + draws.integer(-largestShift, largestShift);
  const top = place.row * cellSize + draws.integer(-largestShift, largestShift);
  const colour = palette[object.colour].map((level) =>
    Math.max(0, Math.min(255, level + draws.between(-shade, shade))),
  );
  const width = scene.grid.columns * cellSize;
  const height = scene.grid.rows * cellSize;
  for (let y = Math.max(0, top); y < Math.min(height, top + cellSize); y++) {
    for (let x = Math.max(0, left); x < Math.min(width, left + cellSize); x++) {
      const covered = sprite[(y - top) * cellSize + x - left]!;
      const pixel = (y * width + x) * 3;
      for (let channel = 0; covered > 0 && channel < 3; channel++) {
        canvas[pixel + channel] = canvas[pixel + channel]! * (1 - covered) + colour[channel]! * covered;
      }
    }
  }
}

/** The picture as the bytes of a PNG file; lossless. */
export async function encodePng(picture: Picture): Promise<Buffer> {
  const raw = { width: picture.width, height: picture.height, channels: 3 as const };
  return sharp(picture.data, { raw }).png({ compressionLevel: 6 }).toBuffer();
}

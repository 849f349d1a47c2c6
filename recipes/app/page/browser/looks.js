/*
 * How runs look: a colour for each recipe, a dash for each of its seeds; the same in curves, legend and tables.
 * palettes.js is made of ../palettes.ts.
 */
import { drawing } from "./dom.js";
import { palettes } from "./palettes.js";

const dashes = [[], [8, 4], [2, 4], [10, 3, 2, 3]];

export const dark = matchMedia("(prefers-color-scheme: dark)");

/** The look of each run: its recipe's place gives the colour, its place among the recipe's seeds the dash. */
export const looksOf = (runs) => {
  const recipes = [...new Set(runs.map(({ recipe }) => recipe))];
  return runs.map(({ recipe }, at) => ({
    place: recipes.indexOf(recipe),
    seed: runs.slice(0, at).filter((other) => other.recipe === recipe).length,
  }));
};

export const colourOf = ({ place }) => {
  const palette = dark.matches ? palettes.dark : palettes.light;
  return palette[place % palette.length];
};

export const dashOf = ({ place, seed }) => dashes[(seed + Math.floor(place / palettes.light.length)) % dashes.length];

/** A short piece of the line. */
export const swatch = (look) =>
  drawing(
    "svg",
    { width: 24, height: 10, class: "swatch", "aria-hidden": "true" },
    drawing("line", {
      x1: 2,
      x2: 22,
      y1: 5,
      y2: 5,
      stroke: colourOf(look),
      "stroke-width": 3,
      "stroke-dasharray": dashOf(look).join(" "),
    }),
  );

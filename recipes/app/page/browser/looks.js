/* How runs look: a colour for each recipe, a dash for each of its seeds; the same in curves, legend and tables. */
import { drawing } from "./dom.js";

// Okabe and Ito's palette, which the common forms of colour blindness keep apart; lighter on dark ground.
const palettes = {
  light: ["#0072b2", "#d55e00", "#009e73", "#b3568f", "#9a6d00", "#2f8fc4", "#555555"],
  dark: ["#4cb0f0", "#ff8b3d", "#2ec99c", "#e39ac6", "#f0b93a", "#9ad4ff", "#c8c8c8"],
};
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
  drawing("svg", { width: 24, height: 10, class: "swatch", "aria-hidden": "true" },
    drawing("line", { x1: 2, x2: 22, y1: 5, y2: 5, stroke: colourOf(look), "stroke-width": 3, "stroke-dasharray": dashOf(look).join(" ") }));

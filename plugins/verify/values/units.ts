/** Units of measure: their names, and how many of the base unit of their dimension each is. */

/** Names with the dimension, and the factor to its base unit. */
const table: Readonly<Record<string, readonly [dimension: string, factor: number]>> = {
  mm: ["length", 1e-3], cm: ["length", 1e-2], dm: ["length", 0.1], m: ["length", 1], km: ["length", 1e3], in: ["length", 0.0254], ft: ["length", 0.3048], yd: ["length", 0.9144], mi: ["length", 1609.344],
  mg: ["mass", 1e-6], g: ["mass", 1e-3], kg: ["mass", 1], t: ["mass", 1e3], lb: ["mass", 0.45359237], oz: ["mass", 0.028349523125],
  ms: ["time", 1e-3], s: ["time", 1], min: ["time", 60], h: ["time", 3600], day: ["time", 86_400], week: ["time", 604_800], month: ["month", 1], year: ["month", 12],
  ml: ["volume", 1e-3], l: ["volume", 1], gal: ["gallon", 1],
  cent: ["money", 0.01], dollar: ["money", 1], yuan: ["yuan", 1], euro: ["euro", 1],
  mph: ["speed mph", 1], kmh: ["speed", 1 / 3.6], "m/s": ["speed", 1],
  n: ["force", 1], j: ["energy", 1], kj: ["energy", 1e3], w: ["power", 1], kw: ["power", 1e3], v: ["voltage", 1], a: ["current", 1], pa: ["pressure", 1], hz: ["frequency", 1], k: ["kelvin", 1],
  "°": ["angle", 1], rad: ["radian", 1], percent: ["percent", 1],
};

const names: Readonly<Record<string, string>> = {
  millimeter: "mm", millimetre: "mm", centimeter: "cm", centimetre: "cm", decimeter: "dm", meter: "m", metre: "m", kilometer: "km", kilometre: "km", inch: "in", inche: "in", foot: "ft", feet: "ft", yard: "yd", mile: "mi",
  milligram: "mg", gram: "g", kilogram: "kg", ton: "t", tonne: "t", pound: "lb", lbs: "lb", ounce: "oz", second: "s", sec: "s", minute: "min", hour: "h", hr: "h", hrs: "h", weeks: "week", yr: "year",
  milliliter: "ml", millilitre: "ml", liter: "l", litre: "l", gallon: "gal", usd: "dollar", buck: "dollar", degree: "°", deg: "°", radian: "rad", newton: "n", joule: "j", watt: "w", volt: "v", amp: "a", ampere: "a", pascal: "pa", hertz: "hz",
  kelvin: "k", "km/h": "kmh", kph: "kmh", pct: "percent", percentage: "percent", "%": "percent", sq: "square",
};

/** One unit's own name; null for another word. */
export function unitName(word: string): string | null {
  const lower = word.toLowerCase();
  for (const form of [lower, lower.replace(/s$/, ""), lower.replace(/es$/, "")]) {
    if (Object.hasOwn(names, form)) return names[form]!;
    if (Object.hasOwn(table, form)) return form;
  }
  return null;
}

/** "square centimeters", "cm^2", "miles per hour" as one name with its power: "cm^2", "mi/h"; null when a word is no unit. */
export function readUnit(text: string): string | null {
  const words = text.trim().replace(/\bper\b/g, "/").replace(/²/g, "^2").replace(/³/g, "^3").split(/\s*(\/)\s*|[\s*.{}]+/).filter((word): word is string => word !== undefined && word !== "");
  if (words.length === 0 || words.length > 6) return null;
  const parts: string[] = [];
  let next = "";
  for (const word of words) {
    const lower = word.toLowerCase();
    if (lower === "square" || lower === "sq") next = "^2";
    else if (lower === "cubic" || lower === "cu") next = "^3";
    else if (lower === "squared") parts.push(`${parts.pop() ?? ""}^2`);
    else if (lower === "cubed") parts.push(`${parts.pop() ?? ""}^3`);
    else if (word === "/") parts.push("/");
    else {
      const [, name = "", exponent = ""] = /^([A-Za-z°%]+)(\^?-?\d)?$/.exec(word) ?? [];
      const unit = unitName(name) ?? (/^units?$/i.test(name) ? "unit" : null);
      if (unit === null) return null;
      parts.push(`${unit}${exponent === "" || exponent.startsWith("^") ? exponent : `^${exponent}`}${next}`);
      next = "";
    }
  }
  return parts.join(" ").replace(/ ?\/ ?/g, "/");
}

/** How many `b` one `a` is; null when they measure different things. Units that are equal in name are 1. */
export function unitRatio(a: string, b: string): number | null {
  if (a === b) return 1;
  const [from, to] = [scaleOf(a), scaleOf(b)];
  return from === null || to === null || from.dimension !== to.dimension ? null : from.factor / to.factor;
}

function scaleOf(unit: string): { readonly dimension: string; readonly factor: number } | null {
  const found = /^([^\s/^]+)(?:\^(\d))?$/.exec(unit);
  const entry = found === null ? undefined : table[found[1]!];
  if (found === null || entry === undefined) return null;
  const exponent = Number(found[2] ?? 1);
  return { dimension: exponent === 1 ? entry[0] : `${entry[0]}^${exponent}`, factor: entry[1] ** exponent };
}

/** Units of measure: their names, and how many of the base unit of their dimension each is. */

/** Names with the dimension, and the factor to its base unit. */
const table: Readonly<Record<string, readonly [dimension: string, factor: number]>> = {
  mm: ["length", 1e-3],
  cm: ["length", 1e-2],
  dm: ["length", 0.1],
  m: ["length", 1],
  km: ["length", 1e3],
  in: ["length", 0.0254],
  ft: ["length", 0.3048],
  yd: ["length", 0.9144],
  mi: ["length", 1609.344],
  mg: ["mass", 1e-6],
  g: ["mass", 1e-3],
  kg: ["mass", 1],
  t: ["mass", 1e3],
  lb: ["mass", 0.45359237],
  oz: ["mass", 0.028349523125],
  ms: ["time", 1e-3],
  s: ["time", 1],
  min: ["time", 60],
  h: ["time", 3600],
  day: ["time", 86_400],
  week: ["time", 604_800],
  month: ["month", 1],
  year: ["month", 12],
  ml: ["volume", 1e-6],
  l: ["volume", 1e-3],
  gal: ["gallon", 1],
  cent: ["money", 0.01],
  dollar: ["money", 1],
  yuan: ["yuan", 1],
  euro: ["euro", 1],
  mph: ["speed", 0.44704],
  kmh: ["speed", 1 / 3.6],
  "m/s": ["speed", 1],
  n: ["force", 1],
  j: ["energy", 1],
  kj: ["energy", 1e3],
  w: ["power", 1],
  kw: ["power", 1e3],
  v: ["voltage", 1],
  a: ["current", 1],
  pa: ["pressure", 1],
  hz: ["frequency", 1],
  k: ["kelvin", 1],
  nm: ["length", 1e-9],
  µm: ["length", 1e-6],
  acre: ["acre", 1],
  kwh: ["energy", 3.6e6],
  cal: ["energy", 4.184],
  kcal: ["energy", 4184],
  ev: ["electronvolt", 1],
  mol: ["amount", 1],
  ω: ["resistance", 1],
  "°c": ["celsius", 1],
  "°f": ["fahrenheit", 1],
  kpa: ["pressure", 1e3],
  mpa: ["pressure", 1e6],
  atm: ["atmosphere", 1],
  khz: ["frequency", 1e3],
  mhz: ["frequency", 1e6],
  ma: ["current", 1e-3],
  mv: ["voltage", 1e-3],
  kv: ["voltage", 1e3],
  mw: ["power", 1e6],
  unit: ["unit", 1],
  "°": ["angle", 1],
  rad: ["radian", 1],
  percent: ["percent", 1],
};

const names: Readonly<Record<string, string>> = {
  millimeter: "mm",
  millimetre: "mm",
  centimeter: "cm",
  centimetre: "cm",
  decimeter: "dm",
  meter: "m",
  metre: "m",
  kilometer: "km",
  kilometre: "km",
  inch: "in",
  inche: "in",
  foot: "ft",
  feet: "ft",
  yard: "yd",
  mile: "mi",
  milligram: "mg",
  gram: "g",
  kilogram: "kg",
  ton: "t",
  tonne: "t",
  pound: "lb",
  lbs: "lb",
  ounce: "oz",
  second: "s",
  sec: "s",
  minute: "min",
  hour: "h",
  hr: "h",
  hrs: "h",
  weeks: "week",
  yr: "year",
  milliliter: "ml",
  millilitre: "ml",
  liter: "l",
  litre: "l",
  gallon: "gal",
  usd: "dollar",
  buck: "dollar",
  degree: "°",
  deg: "°",
  radian: "rad",
  newton: "n",
  joule: "j",
  watt: "w",
  volt: "v",
  amp: "a",
  ampere: "a",
  pascal: "pa",
  hertz: "hz",
  kelvin: "k",
  "km/h": "kmh",
  kph: "kmh",
  pct: "percent",
  percentage: "percent",
  "%": "percent",
  sq: "square",
  celsius: "°c",
  fahrenheit: "°f",
  ohm: "ω",
  mole: "mol",
  calorie: "cal",
  kilocalorie: "kcal",
  kilowatt: "kw",
  kilojoule: "kj",
  cc: "ml",
};

/** Chinese names, longest first; squares and cubes have a word before them. */
const chinese: readonly (readonly [string, string])[] = (
  [
    ["毫米", "mm"],
    ["厘米", "cm"],
    ["分米", "dm"],
    ["千米", "km"],
    ["公里", "km"],
    ["米", "m"],
    ["毫升", "ml"],
    ["升", "l"],
    ["毫克", "mg"],
    ["千克", "kg"],
    ["公斤", "kg"],
    ["克", "g"],
    ["吨", "t"],
    ["秒钟", "s"],
    ["秒", "s"],
    ["分钟", "min"],
    ["小时", "h"],
    ["时", "h"],
    ["天", "day"],
    ["日", "day"],
    ["周", "week"],
    ["个月", "month"],
    ["月", "month"],
    ["年", "year"],
    ["元钱", "yuan"],
    ["元", "yuan"],
    ["摄氏度", "°c"],
    ["度", "°"],
    ["牛顿", "n"],
    ["牛", "n"],
    ["焦耳", "j"],
    ["焦", "j"],
    ["瓦特", "w"],
    ["瓦", "w"],
    ["千瓦", "kw"],
    ["伏特", "v"],
    ["伏", "v"],
    ["安培", "a"],
    ["安", "a"],
    ["欧姆", "ω"],
    ["欧", "ω"],
    ["帕", "pa"],
    ["单位", "unit"],
  ] as const
).toSorted(([a], [b]) => b.length - a.length);

/** "平方厘米" is cm^2, "千米/时" km/h; null for another word. */
function chineseUnit(text: string): string | null {
  const parts = text.split(/\s*\/\s*/).map((part) => {
    const [, power = "", name = ""] = /^(平方|立方)?(.+)$/s.exec(part.trim()) ?? [];
    const unit = chinese.find(([own]) => own === name)?.[1];
    return unit === undefined ? null : unit + (power === "" ? "" : power === "平方" ? "^2" : "^3");
  });
  return parts.includes(null) ? null : parts.join("/");
}

/** One unit's own name; null for another word. */
export function unitName(word: string): string | null {
  const lower = word.toLowerCase();
  for (const form of [lower, lower.replace(/s$/, ""), lower.replace(/es$/, "")]) {
    if (Object.hasOwn(names, form)) return names[form]!;
    if (Object.hasOwn(table, form)) return form;
  }
  return null;
}

/**
 * "square centimeters", "cm^2", "miles per hour" as one name with its power: "cm^2", "mi/h"; null when a word is no
 * unit.
 */
export function readUnit(text: string): string | null {
  if (/\p{Script=Han}/u.test(text)) return chineseUnit(text.trim());
  const words = text
    .trim()
    .replace(/\bper\b/g, "/")
    .replace(/²/g, "^2")
    .replace(/³/g, "^3")
    .split(/\s*(\/)\s*|[\s*.{}]+/)
    .filter((word): word is string => word !== undefined && word !== "");
  if (words.length === 0 || words.length > 6) return null;
  const parts: string[] = [];
  let next = "";
  for (const word of words) {
    const lower = word.toLowerCase();
    if (lower === "square" || lower === "sq") next = "^2";
    else if (lower === "cubic" || lower === "cu") next = "^3";
    else if (/^(?:squared|cubed)$/.test(lower) && parts.length === 0) return null;
    else if (lower === "squared") parts.push(`${parts.pop() ?? ""}^2`);
    else if (lower === "cubed") parts.push(`${parts.pop() ?? ""}^3`);
    else if (word === "/") parts.push("/");
    else {
      const [, name = "", exponent = ""] = /^([A-Za-z°%µΩ]+)(\^?-?\d)?$/.exec(word) ?? [];
      const unit = unitName(name);
      if (unit === null) return null;
      parts.push(`${unit}${exponent === "" || exponent.startsWith("^") ? exponent : `^${exponent}`}${next}`);
      next = "";
    }
  }
  return parts.join(" ").replace(/ ?\/ ?/g, "/");
}

/**
 * How many `b` one `a` is; null when they measure different things. Units that are equal in name are 1, and so is a
 * bare "unit" beside a length.
 */
export function unitRatio(a: string, b: string): number | null {
  if (a === b) return 1;
  const [from, to] = [scaleOf(a), scaleOf(b)];
  if (from === null || to === null) return null;
  if (from.dimension === to.dimension) return from.factor / to.factor;
  const bare = (dimension: string): string => dimension.replace("length", "unit");
  return (from.dimension.includes("unit") || to.dimension.includes("unit")) &&
    bare(from.dimension) === bare(to.dimension)
    ? 1
    : null;
}

/** Dimensions that are made of others: 1 l is 10⁻³ m³. */
const made: Readonly<Record<string, readonly (readonly [string, number])[]>> = {
  speed: [
    ["length", 1],
    ["time", -1],
  ],
  volume: [["length", 3]],
};

interface Scale {
  /** "length^2": each dimension with its power, in alphabetical order. */
  readonly dimension: string;
  readonly factor: number;
}

/** "m/s^2", "km/h", "cm^2"; null where a part is no unit of the table. */
export function scaleOf(unit: string): Scale | null {
  const powers = new Map<string, number>();
  let factor = 1;
  for (const [index, side] of unit.split("/").entries()) {
    for (const part of side.trim().split(/\s+/)) {
      const found = /^([^\s/^]+)(?:\^(-?\d))?$/.exec(part);
      const entry = found === null ? undefined : Object.hasOwn(table, found[1]!) ? table[found[1]!] : undefined;
      if (entry === undefined) return null;
      const exponent = Number(found![2] ?? 1) * (index === 0 ? 1 : -1);
      for (const [name, power] of made[entry[0]] ?? [[entry[0], 1] as const])
        powers.set(name, (powers.get(name) ?? 0) + exponent * power);
      factor *= entry[1] ** exponent;
    }
  }
  return {
    dimension: [...powers]
      .filter(([, power]) => power !== 0)
      .sort(([x], [y]) => (x < y ? -1 : 1))
      .map(([name, power]) => `${name}^${power}`)
      .join(" "),
    factor,
  };
}

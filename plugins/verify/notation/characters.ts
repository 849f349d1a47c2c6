/**
 * One spelling for characters that have several: full-width forms, Chinese punctuation and units, squared units, small
 * digits.
 */

const single: Readonly<Record<string, string>> = {
  "。": ". ",
  "、": ",",
  "「": '"',
  "」": '"',
  "【": "[",
  "】": "]",
  "〔": "(",
  "〕": ")",
  "《": " ",
  "》": " ",
  "“": '"',
  "”": '"',
  "‘": "'",
  "’": "'",
  "′": "'",
  "″": "''",
  "\u3000": " ",
  "\u00a0": " ",
  "\u2002": " ",
  "\u2003": " ",
  "\u2005": " ",
  "\u2009": " ",
  "\u200a": " ",
  "\u202f": " ",
  "\u200b": "",
  "\u2060": "",
  "\ufeff": "",
  "−": "-",
  "‐": "-",
  "‑": "-",
  "‒": "-",
  "–": "-",
  "—": "-",
  "﹣": "-",
  "﹢": "+",
  "㎜": "\\text{ mm}",
  "㎝": "\\text{ cm}",
  "㎞": "\\text{ km}",
  "㎎": "\\text{ mg}",
  "㎏": "\\text{ kg}",
  "㎖": "\\text{ ml}",
  ℓ: "l",
  "㎟": "\\text{ mm}^2",
  "㎠": "\\text{ cm}^2",
  "㎡": "\\text{ m}^2",
  "㎢": "\\text{ km}^2",
  "㎣": "\\text{ mm}^3",
  "㎤": "\\text{ cm}^3",
  "㎥": "\\text{ m}^3",
  "℃": "°C",
  "℉": "°F",
  "¼": "\\frac14 ",
  "¾": "\\frac34 ",
  "½": "\\frac12 ",
  "⅓": "\\frac13 ",
  "⅔": "\\frac23 ",
  "⅕": "\\frac15 ",
  "⅖": "\\frac25 ",
  "⅗": "\\frac35 ",
  "⅘": "\\frac45 ",
  "⅙": "\\frac16 ",
  "⅚": "\\frac56 ",
  "⅛": "\\frac18 ",
  "⅜": "\\frac38 ",
  "⅝": "\\frac58 ",
  "⅞": "\\frac78 ",
  º: "°",
  "˚": "°",
};
const raised = "⁰¹²³⁴⁵⁶⁷⁸⁹⁻ⁿ";
const lowered = "₀₁₂₃₄₅₆₇₈₉";

const singlePattern = new RegExp(`[${Object.keys(single).join("")}]`, "gu");
const fullWidth = /[\uff01-\uff5e]/g;

/** The same text in plain characters; those that have no other spelling stay. */
export function plainCharacters(text: string): string {
  if (/^[\x20-\x7e\s]*$/.test(text)) return text;
  return text
    .replace(
      fullWidth,
      (character) =>
        `${String.fromCharCode(character.charCodeAt(0) - 0xfee0)}${"，；：".includes(character) ? " " : ""}`,
    )
    .replace(/(?<![\p{L}\d])([A-J])、(?=\s*[^A-J\s])/gu, "$1. ")
    .replace(/([①-⑳])[\s、,]*(?=[①-⑳])/g, "$1, ")
    .replace(singlePattern, (character) => single[character]!)
    .replace(
      new RegExp(`[${raised}]+`, "g"),
      (run) => `^{${[...run].map((digit) => "0123456789-n"[raised.indexOf(digit)]).join("")}}`,
    )
    .replace(
      new RegExp(`[${lowered}]+`, "g"),
      (run) => `_{${[...run].map((digit) => lowered.indexOf(digit)).join("")}}`,
    );
}

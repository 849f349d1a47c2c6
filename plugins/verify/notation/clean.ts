/** LaTeX as models and datasets write it, brought to the few spellings that the parser knows. */

const unicode: Readonly<Record<string, string>> = {
  "−": "-", "–": "-", "—": "-", "·": "*", "×": "*", "∗": "*", "⋅": "*", "÷": "/", "⁄": "/", "∕": "/", "π": "\\pi ", "∞": "\\infty ", "√": "\\sqrt ", "°": "\\circ ", "≤": "\\le ", "⩽": "\\le ",
  "≥": "\\ge ", "⩾": "\\ge ", "≠": "\\ne ", "≈": "\\approx ", "∪": "\\cup ", "∩": "\\cap ", "∈": "\\in ", "∅": "\\emptyset ", "±": "\\pm ", "∓": "\\mp ", "θ": "\\theta ", "α": "\\alpha ",
  "β": "\\beta ", "γ": "\\gamma ", "λ": "\\lambda ", "μ": "\\mu ", "φ": "\\phi ", "ω": "\\omega ", "⟨": "\\langle ", "⟩": "\\rangle ", "²": "^2", "³": "^3", "½": "\\frac12", "，": ",", "：": ":", "（": "(",
  "）": ")", "ℝ": "\\mathbb{R}", "∠": "\\angle ", "△": "\\triangle ", "∶": ":", "\u00a0": " ", "\u2009": " ", "\u202f": " ",
};
const unicodePattern = new RegExp(`[${Object.keys(unicode).join("")}]`, "gu");

/** In order; each is linear in the length of the text. */
const rules: readonly (readonly [RegExp, string])[] = [
  [/\\(?:left|right)\s*\./g, ""],
  [/\\(?:left|right|[bB]ig{1,2}[lrm]?|displaystyle|textstyle|scriptstyle|limits|nolimits|mathstrut|strut|rm|bf|it)(?![a-zA-Z])/g, ""],
  [/\{,\}/g, ","],
  [/\\!\s*/g, ""],
  [/(?<!\\)\\[,;:> ]|\\q?quad|~|\\hspace\*?\{[^{}]{0,20}\}|\\newline(?![a-zA-Z])|&nbsp;/g, " "],
  [/\\[dtc]frac(?![a-zA-Z])/g, "\\frac"],
  [/\\(?:leq|leqslant|lessgtr)(?![a-zA-Z])|<=|=</g, "\\le "],
  [/\\(?:geq|geqslant)(?![a-zA-Z])|>=|=>/g, "\\ge "],
  [/\\neq(?![a-zA-Z])|!=|\\not\s*=/g, "\\ne "],
  [/\\lt(?![a-zA-Z])|&lt;/g, "<"],
  [/\\gt(?![a-zA-Z])|&gt;/g, ">"],
  [/\\(?:cdot|times|ast|centerdot)(?![a-zA-Z])/g, "*"],
  [/\\div(?![a-zA-Z])/g, "/"],
  [/\\colon(?![a-zA-Z])/g, ":"],
  [/\\(?:simeq|doteq|approxeq|thickapprox)(?![a-zA-Z])|~=/g, "\\approx "],
  [/\\(?:varnothing|empty)(?![a-zA-Z])/g, "\\emptyset "],
  [/\\(?:backslash|smallsetminus)(?![a-zA-Z])/g, "\\setminus "],
  [/\\lbrace(?![a-zA-Z])/g, "\\{"],
  [/\\rbrace(?![a-zA-Z])/g, "\\}"],
  [/\\(?:lvert|rvert|vert|mid)(?![a-zA-Z])/g, "|"],
  [/\\(?:lbrack)(?![a-zA-Z])/g, "["],
  [/\\(?:rbrack)(?![a-zA-Z])/g, "]"],
  [/\^\s*\{\s*\\(?:circ|degree)\s*\}|\^\s*\\(?:circ|degree)(?![a-zA-Z])|\\degree(?![a-zA-Z])|\\circ(?![a-zA-Z])|\bdegrees?\b/g, "°"],
  [/\^\s*\{?\s*\\(?:text|mathrm|textrm)\s*\{\s*(?:st|nd|rd|th)\s*\}\s*\}?/g, ""],
  [/(\d)(?:st|nd|rd|th)\b/g, "$1"],
  [/\\%/g, "%"],
  [/\\text(?:bf|it|rm|normal)?\s*\{\s*(-?[\d.,]+[^{}]{0,40})\}/g, "$1"],
  [/\\[$]|[$€£¥]/g, " "],
  [/\*\*/g, "^"],
  [/\\(?:var)(epsilon|phi|theta|rho|sigma)(?![a-zA-Z])/g, "\\$1"],
];

export function clean(text: string): string {
  // Backslashes that were escaped once too often; in a matrix two of them end a row.
  const single = text.includes("\\begin") ? text : text.replace(/\\\\(?=[a-zA-Z]{2}|[()[\]{}])/g, "\\");
  let cleaned = single.replace(unicodePattern, (character) => unicode[character]!);
  for (const [pattern, replacement] of rules) cleaned = cleaned.replace(pattern, replacement);
  return cleaned.trim();
}

/** Words as they are compared: no commands, no punctuation, small letters. */
export function plainText(text: string): string {
  return text
    .replace(/\\(?:text(?:bf|it|rm|normal|tt|sf)?|mathrm|mathbf|mathit|mathsf|mbox|operatorname|boxed)\s*(?=\{)/g, "")
    .replace(/\\[a-zA-Z]+|[\\{}$^_]/g, (match) => (match.length > 1 ? match.slice(1) : ""))
    .toLowerCase()
    .replace(/[\s.,;:!?'"`*]+/g, " ")
    .trim();
}

/** LaTeX as models and datasets write it, brought to the few spellings that the parser knows. */

const unicode: Readonly<Record<string, string>> = {
  "·": "*",
  "×": "*",
  "∗": "*",
  "⋅": "*",
  "÷": "/",
  "⁄": "/",
  "∕": "/",
  π: "\\pi ",
  "∞": "\\infty ",
  "√": "\\sqrt ",
  "°": "\\circ ",
  "≤": "\\le ",
  "⩽": "\\le ",
  "≥": "\\ge ",
  "⩾": "\\ge ",
  "≠": "\\ne ",
  "≈": "\\approx ",
  "∪": "\\cup ",
  "∩": "\\cap ",
  "∈": "\\in ",
  "∅": "\\emptyset ",
  "±": "\\pm ",
  "∓": "\\mp ",
  θ: "\\theta ",
  α: "\\alpha ",
  β: "\\beta ",
  γ: "\\gamma ",
  λ: "\\lambda ",
  μ: "\\mu ",
  φ: "\\phi ",
  ω: "\\omega ",
  "⟨": "\\langle ",
  "⟩": "\\rangle ",
  ℝ: "\\mathbb{R}",
  "∥": "\\parallel ",
  "⊥": "\\perp ",
  "≅": "\\cong ",
  "∽": "\\sim ",
  "∠": "\\angle ",
  "△": "\\triangle ",
  "∶": ":",
  δ: "\\delta ",
  ε: "\\epsilon ",
  η: "\\eta ",
  ρ: "\\rho ",
  σ: "\\sigma ",
  τ: "\\tau ",
  ψ: "\\psi ",
  Δ: "\\Delta ",
  Ω: "\\Omega ",
  Σ: "\\Sigma ",
};
const unicodePattern = new RegExp(`[${Object.keys(unicode).join("")}]`, "gu");

/** In order; each is linear in the length of the text. */
const rules: readonly (readonly [RegExp, string])[] = [
  [/\\(?:left|right)\s*\./g, ""],
  [
    /\\(?:left|right|[bB]ig{1,2}[lrm]?|displaystyle|textstyle|scriptstyle|limits|nolimits|mathstrut|strut|rm|bf|it)(?![a-zA-Z])/g,
    "",
  ],
  [/^\s*\*\*([^*]+)\*\*\s*$/, "$1"],
  [/`/g, ""],
  [
    /\\(?:textcolor|color|colorbox)\s*(?:\[[^\]]{0,20}\])?\s*\{[\w!,.\s]{0,40}\}|\\(?:tiny|small|large|Large|LARGE|huge|Huge|normalsize|bfseries|itshape|boldmath)(?![a-zA-Z])|\\[hv]?phantom\s*\{[^{}]*\}|\\(?:label|tag)\s*\{[^{}]*\}/g,
    "",
  ],
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
  [
    /\^\s*\{\s*\\(?:circ|degree)\s*\}|\^\s*\\(?:circ|degree)(?![a-zA-Z])|\\degree(?![a-zA-Z])|\\circ(?![a-zA-Z])|\bdegrees?\b/g,
    "°",
  ],
  [/°\s*(?:\\(?:text|mathrm)\s*\{\s*([CF])\s*\}|([CF])(?![a-zA-Z])|(C)elsius|(F)ahrenheit)/g, "°$1$2$3$4"],
  [/\^\s*\{?\s*\\(?:text|mathrm|textrm)\s*\{\s*(?:st|nd|rd|th)\s*\}\s*\}?/g, ""],
  [/(\d)(?:st|nd|rd|th)\b/g, "$1"],
  [/\\%/g, "%"],
  [/\\text(?:bf|it|rm|normal)?\s*\{\s*(-?[\d.,]+[^{}]{0,40})\}/g, "$1"],
  [/^\s*(-?)\s*\\?\$\s*(\d[\d,]*(?:\.\d+)?|\.\d+)\s*[.,]?\s*$/, "$1$2 \\text{ dollars}"],
  [/\\[$]|[$€£¥]/g, " "],
  [/(?<=\d\s*)\\Omega(?![a-zA-Z])/g, "\\text{ ohms}"],
  [/\*\*/g, "^"],
  [/\\(?:var)(epsilon|phi|theta|rho|sigma)(?![a-zA-Z])/g, "\\$1"],
];

export function clean(text: string): string {
  // Backslashes that were escaped once too often; in a matrix two of them end a row.
  const single = text.includes("\\begin") ? text : text.replace(/\\\\(?=[a-zA-Z]{2}|[()[\]{}])/g, "\\");
  let cleaned = withoutLines(single).replace(unicodePattern, (character) => unicode[character]!);
  for (const [pattern, replacement] of rules) cleaned = cleaned.replace(pattern, replacement);
  return withoutText(cleaned.trim()).replace(/^(?:\\approx|=)\s*(?=\S)|^(?:approximately|approx\.)\s+(?=[\d\\.-])/, "");
}

/** Lines that are aligned: one, a chain of equations that goes on over several, or several equations. */
function withoutLines(text: string): string {
  return text.replace(
    /\\begin\s*\{(aligned|align\*?|gathered|split|equation\*?|array|cases)\}(?:\s*\{[clr]\})?([\s\S]*?)\\end\s*\{\1\}/g,
    (whole, name: string, lines: string) => {
      if (
        lines.includes("\\begin") ||
        ((name === "array" || name === "cases") && (lines.includes("&") || !lines.includes("=")))
      )
        return whole;
      return lines
        .replace(/(?<!\\)&/g, "")
        .replace(/\\\\\s*(?=[=<>]|\\approx)/g, " ")
        .replace(/\\\\\s*$/, "")
        .replace(/\\\\/g, " ; ");
    },
  );
}

/** An answer that is one \text{…}: what stands in it. */
function withoutText(text: string): string {
  const inner = /^\{?\\(?:text(?:bf|it|rm|normal|sf|tt)?|mathrm|mathbf|mbox)\s*\{([^{}]{3,})\}\}?\s*[.!]?$/.exec(
    text,
  )?.[1];
  return inner === undefined ? text : inner.trim();
}

/** Without blanks, but for those that keep two letters or digits apart: "1 2" is not 12. */
export const withoutSpaces = (text: string): string =>
  text.replace(/\s+/g, (blank, at: number) =>
    /[\p{L}\d.]/u.test(text[at - 1] ?? "") && /[\p{L}\d.]/u.test(text[at + blank.length] ?? "") ? " " : "",
  );

/** Words as they are compared: no commands, no punctuation, small letters. */
export function plainText(text: string): string {
  return text
    .replace(/\\(?:text(?:bf|it|rm|normal|tt|sf)?|mathrm|mathbf|mathit|mathsf|mbox|operatorname|boxed)\s*(?=\{)/g, "")
    .replace(/\\[a-zA-Z]+|[\\{}$^_]/g, (match) => (match.length > 1 ? match.slice(1) : ""))
    .toLowerCase()
    .replace(/[\s.,;:!?'"`*]+/g, " ")
    .trim();
}

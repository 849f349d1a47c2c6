/** The page as one HTML text: its sections, empty, and the scripts that fill them. Nothing is loaded from elsewhere. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { FrozenPage } from "./contract.ts";
import { palettes } from "./palettes.ts";

/** In an order in which each finds what it imports before it. */
const modules = [
  "dom.js",
  "palettes.js",
  "looks.js",
  "source.js",
  "series.js",
  "plot.js",
  "chart.js",
  "charts.js",
  "tokens.js",
  "rollout-choice.js",
  "rollouts.js",
  "blocks.js",
  "questions.js",
  "runs.js",
  "main.js",
];

const require = createRequire(import.meta.url);
const plotFile = (name: string): string => readFileSync(require.resolve(`uplot/dist/${name}`), "utf8");
/** What the scripts share with the rest: made here, so that it is said once. */
const made: Readonly<Record<string, string>> = {
  "palettes.js": `export const palettes = ${JSON.stringify(palettes)};`,
};
const ownFile = (name: string): string =>
  made[name] ?? readFileSync(new URL(`./browser/${name}`, import.meta.url), "utf8");

/** Text for an element or a quoted attribute. */
export const escapeHtml = (text: string): string =>
  text.replace(/[&<>"'`]/g, (character) => `&#${character.charCodeAt(0)};`);

/**
 * JSON for the inside of a script element: no "<" is left, so that nothing in it can end the element or open a comment.
 */
export const embedJson = (value: unknown): string =>
  JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

/** Our own code for the inside of a script element. @throws Error when it holds what would end the element */
function inlined(code: string): string {
  if (/<\/script|<!--/i.test(code))
    throw new Error('A script of the page holds "</script" or "<!--" and cannot be inlined');
  return code;
}

/**
 * The modules as one script, each a function of its own that returns what it exports: a page that stands alone can
 * import nothing.
 */
export function joinedModules(): string {
  const functions = modules.map((name) => {
    const text = ownFile(name);
    const exported = [...text.matchAll(/^export (?:const|class) (\w+)/gm)].map((match) => match[1]);
    const inside = text
      .replace(/^import (\{.*\}) from "\.\/(.*)";$/gm, 'const $1 = loaded["$2"];')
      .replace(/^export (?=const|class)/gm, "");
    return `loaded["${name}"] = (() => {\n${inside}\nreturn { ${exported.join(", ")} };\n})();`;
  });
  return `(() => {\n"use strict";\nconst loaded = {};\n${functions.join("\n")}\n})();`;
}

let parts: { readonly scripts: readonly string[]; readonly style: string } | null = null;

/** Read once: what a server sends is what it began with. */
function partsOf(): NonNullable<typeof parts> {
  parts ??= {
    scripts: [plotFile("uPlot.iife.min.js"), joinedModules()].map(inlined),
    style: `${plotFile("uPlot.min.css")}\n${ownFile("style.css")}`,
  };
  return parts;
}

const hashOf = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/**
 * What a browser may do with the page, the second wall behind texts that are never HTML. @param allowed of scripts and
 * styles, as the policy writes it
 */
const policyOf = (scripts: string, styles: string, more: string): string =>
  `default-src 'none'; script-src ${scripts}; style-src ${styles}; base-uri 'none'; form-action 'none'; ${more}`;

/**
 * The policy of a served page, for its header: only what carries the nonce runs, and nothing but this server is asked.
 */
export const livePolicy = (nonce: string): string =>
  policyOf(`'nonce-${nonce}'`, `'nonce-${nonce}'`, "img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'");

export const livePage = (title: string, nonce: string): string =>
  pageOf({ title, subtitle: "", head: "", nonce: ` nonce="${nonce}"`, data: "" });

/**
 * A page that needs no server: data and pictures are in it, its policy lets only its own scripts run and nothing be
 * fetched.
 */
export function frozenPage(frozen: FrozenPage): string {
  const { scripts, style } = partsOf();
  const policy = policyOf(scripts.map(hashOf).join(" "), hashOf(style), "img-src data:");
  const { title, subtitle } = frozen.overview;
  return pageOf({
    title,
    subtitle,
    nonce: "",
    head: `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    data: `<script type="application/json" id="data">${embedJson(frozen)}</script>`,
  });
}

const sections: readonly (readonly [id: string, title: string, inside: string])[] = [
  ["runs", "Runs", `<div id="run-table"><p class="note">Reading the runs …</p></div>`],
  ["alarms", "Alarms", `<div id="alarm-list"></div>`],
  ["result", "Result", `<div id="result-blocks"></div>`],
  ["curves", "Curves", `<div id="chart-controls"></div><p class="note" id="charts-note"></p><div id="charts"></div>`],
  ["ledger", "Terms of the loss", `<div id="ledger-blocks"></div>`],
  ["rollouts", "Rollouts", `<div id="rollout-filters"></div><div id="rollout-list"></div>`],
  ["errors", "Errors", `<div id="errors-blocks"></div>`],
  ["questions", "Questions", `<div id="question-filters"></div><div id="question-list"></div>`],
  ["settings", "Settings", `<div id="settings-blocks"></div>`],
];

/** Sections that begin hidden: there may be nothing to show. */
const hiddenAtFirst = new Set(["alarms"]);

interface PageParts {
  readonly title: string;
  readonly subtitle: string;
  readonly head: string;
  /** An attribute of scripts and styles. */
  readonly nonce: string;
  readonly data: string;
}

function pageOf({ title, subtitle, head, nonce, data }: PageParts): string {
  const { scripts, style } = partsOf();
  const hidden = (id: string): string => (hiddenAtFirst.has(id) ? " hidden" : "");
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8">${head}
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title><link rel="icon" href="data:,">
<style${nonce}>${style}</style></head>
<body><div class="frame">
<nav aria-label="Contents"><ol>${sections.map(([id, name]) => `<li><a href="#${id}"${hidden(id)}>${name}</a></li>`).join("")}</ol></nav>
<main>
<header><h1>${escapeHtml(title)}</h1>${subtitle === "" ? "" : `<p>${escapeHtml(subtitle)}</p>`}<noscript><p>This page draws its curves and rollouts with the script that it holds; the browser lets none run.</p></noscript></header>
<p id="message" role="status" hidden></p>
${sections.map(([id, name, inside]) => `<section id="${id}"${hidden(id)}><h2>${name}</h2>${inside}</section>`).join("\n")}
</main></div>
${data}
${scripts.map((script) => `<script${nonce}>${script}</script>`).join("\n")}
</body></html>
`;
}

/** The limits that docs/security.md tells are those of the sources. */
import { expect, test } from "vitest";
import { projectText } from "./project-files.ts";

const page = (projectText("docs/security.md") ?? "").replace(/\s+/g, " ");
const english = (value: number): string => value.toLocaleString("en");

/** Where a limit stands in the sources, and how the page words it. */
const limits: readonly (readonly [file: string, place: RegExp, words: (value: number) => string])[] = [
  [
    "core/data/reader/reading-options.ts",
    /seconds: z\.number\(\).*default\(([\d_]+)\)/,
    (value) => `seconds: ${value}`,
  ],
  [
    "core/data/reader/reading-options.ts",
    /megabytes: z\.int\(\).*default\(([\d_]+)\)/,
    (value) => `megabytes: ${value}`,
  ],
  [
    "core/contracts/settings.ts",
    /maxFilePixels: count.*\.default\(([\d_]+)\)/,
    (value) => `\`pictures.maxFilePixels\`, ${value / 1e6} million`,
  ],
  ["core/model/processing/picture.ts", /usualMaxFilePixels = ([\d_]+)/, (value) => `${value / 1e6} million) are read`],
  ["core/model/processing/jinja-meter.ts", /steps: ([\d_]+)/, (value) => `${english(value)} steps`],
  ["core/model/processing/jinja.ts", /source: ([\d_]+)/, (value) => `templates of ${english(value)} characters`],
  ["core/model/files/json.ts", /mostBytes = (2 \*\* \d+)/, (value) => `weights up to ${value / 2 ** 20} MiB`],
  ["core/model/processing/picture.ts", /bytesPerPixel = (\d+)/, (value) => `up to ${value} bytes for each pixel of`],
  [
    "core/model/processing/jinja-meter.ts",
    /characters: (2 \*\* \d+)/,
    (value) => `texts of ${value / 2 ** 20} Mi characters`,
  ],
  ["core/model/processing/jinja-meter.ts", /items: ([\d_]+)/, (value) => `lists of ${english(value)} items`],
  [
    "core/machine/regular-file.ts",
    /most = (2 \*\* \d+)/,
    (value) => `${value / 2 ** 20} MiB of every file of one JSON value`,
  ],
  ["recipes/app/import/import-config.ts", /configurationBytes = (2 \*\* \d+)/, (value) => `${value / 2 ** 20} MiB and`],
  ["recipes/app/import/read-config.ts", /depth > (\d+)/, (value) => `and ${value} levels of a configuration`],
  [
    "core/model/files/safetensors-header.ts",
    /maxHeaderBytes = ([\d_]+)/,
    (value) => `headers of safetensors up to ${value / 1e6} MB`,
  ],
  ["core/model/files/config-fields.ts", /layerCount = count\.max\(([\d_]+)\)/, (value) => `${english(value)} layers`],
  ["core/model/files/config-fields.ts", /width = count\.max\((2 \*\* \d+)\)/, (value) => `widths of ${english(value)}`],
  [
    "plugins/reward/request.ts",
    /maxAnswerMegabytes: z\.number\(\).*default\(([\d_]+)\)/,
    (value) => `\`maxAnswerMegabytes\` (${value})`,
  ],
  ["plugins/reward/request.ts", /mostRedirects = (\d+)/, (value) => `${value} redirects at most`],
  [
    "plugins/reward/thread/scoring.ts",
    /limit: z\.number\(\).*default\(([\d_]+)\)/,
    (value) => `(\`limit\`, ${english(value)} ms)`,
  ],
  ["plugins/thread/guarded-thread.ts", /maxOldGenerationSizeMb: (\d+)/, (value) => `a heap of ${value} MB`],
  [
    "plugins/thread/guarded-thread.ts",
    /patience = (\d+)/,
    (value) => (value === 10 ? "after ten times as long" : `after ${value} times as long`),
  ],
  [
    "core/contracts/results/plain-results.ts",
    /\[mostResponses, mostTokens\] = \[([\d_]+),/,
    (value) => `${english(value)} responses`,
  ],
  [
    "core/contracts/results/plain-results.ts",
    /\[mostResponses, mostTokens\] = \[[\d_]+, (2 \*\* \d+)\]/,
    (value) => `${english(value)} tokens`,
  ],
  [
    "core/contracts/results/plain-results.ts",
    /Math\.max\((\d+), mostRowsForOne/,
    (value) => `than ${english(value)} and than`,
  ],
  [
    "core/contracts/results/plain-results.ts",
    /mostRowsForOne = (\d+)/,
    (value) => `than ${value} times those that it was given`,
  ],
];

test.each(limits)("%s: %s", (file, place, words) => {
  const found = place.exec(projectText(file) ?? "")?.[1];
  expect(found, `${file} holds no ${place.source}`).toBeDefined();
  const [base, exponent = "1"] = found!.replaceAll("_", "").split(" ** ");
  expect(page).toContain(words(Number(base) ** Number(exponent)));
});

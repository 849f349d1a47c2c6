/**
 * Pages that people read first say what is so: their examples are the files, their metrics and messages those of the
 * sources.
 */
import { expect, test } from "vitest";
import { projectFiles, projectText } from "./project-files.ts";

const root = new URL("../../", import.meta.url);
const { embedExamples, pagesWithExamples } = (await import(new URL("docs/scripts/embed-examples.mjs", root).href)) as {
  embedExamples: (page: string) => string;
  pagesWithExamples: () => readonly string[];
};
const text = (path: string): string => projectText(path) ?? "";

test("pages show the example files as they are (npm run docs)", () => {
  expect(pagesWithExamples()).toEqual(
    expect.arrayContaining(["README.md", "docs/first-run.md", "docs/writing-a-plugin.md"]),
  );
  for (const page of pagesWithExamples()) expect(text(page), page).toBe(embedExamples(text(page)));
});

test("a file that changed would be noticed", () => {
  const page = text("docs/writing-a-plugin.md");
  const changed = page.replace("threshold: z", "limit: z");
  expect(changed).not.toBe(page);
  expect(embedExamples(changed)).toBe(page);
});

/** Names of metrics in a source, those with a part of their own as `family/<`. */
const metricsIn = (source: string): string[] =>
  [...source.matchAll(/["`]((?:reward|rollout|data|loss|ledger|learner)\/)([a-z_/]*)(\$\{)?/g)].map(
    ([, family, name, part]) => `${family}${name}${part === undefined ? "" : "<"}`,
  );

test("docs/metrics.md explains every metric of the pipeline", () => {
  const names = metricsIn(text("core/pipeline/step/step-metrics.ts") + text("core/pipeline/step/step.ts"));
  expect(names.length).toBeGreaterThan(15);
  // "rollout/groups_kept" is written as `_kept` behind the name that it shares a line with.
  const page = text("docs/metrics.md");
  const explained = (name: string): boolean =>
    page.includes(`\`${name}`) || page.includes(`\`${name.slice(name.lastIndexOf("_"))}\``);
  expect(names.filter((name) => !explained(name))).toEqual([]);
  expect(metricsIn('"rollout/new": 1, `ledger/${name}/x`')).toEqual(["rollout/new", "ledger/<"]);
});

test("messages in docs/errors.md are messages of the sources", () => {
  const sources = projectFiles()
    .filter((path) => /^(?:core|plugins|recipes)\/.*\.ts$/.test(path))
    .map(text)
    .join("\n");
  const parts = [...text("docs/errors.md").matchAll(/^\| \*(.+?)\*/gm)].flatMap(([, message]) =>
    message!
      .split("…")
      .map((part) => part.trim())
      .filter((part) => part.length > 3),
  );
  expect(parts.length).toBeGreaterThan(8);
  expect(parts.filter((part) => !sources.includes(part))).toEqual([]);
});

test("every page of docs/ stands in the contents of the site", () => {
  const contents = text("docs/site/.vitepress/config.mjs");
  const pages = projectFiles().filter((path) => /^docs\/[^/]+\.md$/.test(path));
  expect(pages.filter((page) => !contents.includes(`"${page}"`))).toEqual([]);
});

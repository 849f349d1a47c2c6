/**
 * The pages of the repository as a site. They are read on a code host too, so links are files' paths; build.mjs copies
 * them.
 */
import { defineConfig } from "vitepress";

/** @param {readonly (readonly [string, string])[]} pages titles and paths of files */
const group = (text, pages) => ({
  text,
  items: pages.map(([title, path]) => ({ text: title, link: `/${path.replace(/README\.md$|\.md$/, "")}` })),
});

export default defineConfig({
  title: "PAPO",
  description: "Reinforcement-learning post-training of vision-language models, every decision a plugin",
  lang: "en",
  srcDir: "./pages",
  rewrites: {
    "README.md": "index.md",
    "plugins/README.md": "plugins/index.md",
    "test/golden/README.md": "test/golden/index.md",
  },
  // Pages hold no HTML: "<think>" in a sentence is text.
  markdown: { html: false },
  outDir: "./dist",
  cacheDir: "./.cache",
  // Sources that pages name are read in the repository.
  ignoreDeadLinks: [(url) => !/(?:\.md|\/)$|\/[^./]*$/.test(url), /localhost/],
  themeConfig: {
    search: { provider: "local" },
    outline: [2, 3],
    sidebar: [
      group("Using it", [
        ["What it is", "README.md"],
        ["First run", "docs/first-run.md"],
        ["Packages", "docs/packages.md"],
        ["Your data", "docs/data.md"],
        ["Your reward", "docs/rewards.md"],
        ["Recipes", "docs/recipes.md"],
        ["Works", "docs/works.md"],
        ["Settings", "docs/settings.md"],
        ["Command line", "docs/command-line.md"],
        ["Models", "docs/models.md"],
        ["Several devices", "docs/several-devices.md"],
        ["Metrics", "docs/metrics.md"],
        ["The live page", "docs/live-page.md"],
        ["Evaluation", "docs/evaluation.md"],
        ["Errors and what to do", "docs/errors.md"],
        ["Reliability", "docs/reliability.md"],
      ]),
      group("Extending it", [
        ["Your plugin", "docs/writing-a-plugin.md"],
        ["Hooks", "docs/hooks.md"],
        ["What plugins are handed", "docs/plugin-reference.md"],
        ["Every plugin", "plugins/README.md"],
        ["Contributing", "CONTRIBUTING.md"],
        ["Architecture", "docs/design.md"],
      ]),
      group("Measured", [
        ["Evidence", "docs/evidence.md"],
        ["All methods", "docs/comparison.md"],
        ["Verdicts", "docs/verification.md"],
        ["Security", "docs/security.md"],
        ["Speed and memory", "docs/performance.md"],
        ["Every row", "bench/results.md"],
        ["Golden values", "test/golden/README.md"],
      ]),
    ],
  },
});

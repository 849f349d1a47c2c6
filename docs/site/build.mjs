/**
 * Builds the documentation as a site into docs/site/dist: `npm run docs:site`. The generator is installed here, from
 * its own lock file, when it is asked for, so that a clone of the project does not bring it.
 */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const site = dirname(fileURLToPath(import.meta.url));
const root = join(site, "../..");
const run = (...command) =>
  execFileSync(command[0], command.slice(1), { cwd: site, stdio: "inherit", shell: process.platform === "win32" });

if (!existsSync(join(site, "node_modules"))) run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund");

// The generator finds its own packages only from pages below it.
const pages = join(site, "pages");
rmSync(pages, { recursive: true, force: true });
const docs = readdirSync(join(root, "docs"))
  .filter((name) => /\.(?:md|svg|png)$/.test(name))
  .map((name) => `docs/${name}`);
for (const page of [
  "README.md",
  "CONTRIBUTING.md",
  "plugins/README.md",
  "bench/results.md",
  "test/golden/README.md",
  ...docs,
]) {
  cpSync(join(root, page), join(pages, page));
}
run(process.execPath, join(site, "node_modules/vitepress/bin/vitepress.js"), "build");
console.log(`Open it with: npx vitepress preview (in ${site})`);

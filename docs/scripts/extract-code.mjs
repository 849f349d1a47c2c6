/**
 * Writes the code blocks of the pages that are marked `<!-- compiled -->` into docs/code-blocks, where the compiler and
 * the linter see them: `npm run typecheck` and the gate do so before they check types. A block is a whole module.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { pages, root, textOf } from "./pages.mjs";

/** Marked blocks of a page, in order. */
export const codeOf = (page) => [...page.matchAll(/<!-- compiled -->\n```ts\n([^]*?)```/g)].map(([, code]) => code);

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = `${root}docs/code-blocks`;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  for (const page of pages()) {
    for (const [index, code] of codeOf(textOf(page)).entries()) {
      const name = `${page.replace(/^docs\//, "").replace(/\.md$/, "")}-${index + 1}.ts`;
      writeFileSync(`${folder}/${name}`, code);
      console.log(`Wrote docs/code-blocks/${name}`);
    }
  }
}

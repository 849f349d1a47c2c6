/**
 * Puts files into README.md and docs/: the code block after `<!-- path -->` becomes the file's content. `npm run docs`
 * runs it; a test compares.
 */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { pages, root, textOf } from "./pages.mjs";

const example = /<!-- \S+\.ts -->\n```ts\n/;

/** The page with every marked block filled. */
export function embedExamples(page) {
  return page.replace(/(<!-- (\S+\.ts) -->\n```ts\n)[^]*?```/g, (_, head, path) => `${head}${textOf(path)}\`\`\``);
}

/** The pages that hold such blocks. */
export const pagesWithExamples = () => pages().filter((page) => example.test(textOf(page)));

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const page of pagesWithExamples()) writeFileSync(root + page, embedExamples(textOf(page)));
}

/** Puts files into README.md and docs/: the code block after `<!-- path -->` becomes the file's content. `npm run docs` runs it; a test compares. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

const example = /<!-- \S+\.ts -->\n```ts\n/;

/** The page with every marked block filled. */
export function embedExamples(page) {
  return page.replace(/(<!-- (\S+\.ts) -->\n```ts\n)[^]*?```/g, (_, head, path) => `${head}${readFileSync(root + path, "utf8")}\`\`\``);
}

/** README.md and the pages of docs/ that hold such blocks, as paths from the project's folder. */
export const pagesWithExamples = () =>
  ["README.md", ...readdirSync(`${root}docs`).filter((name) => name.endsWith(".md")).map((name) => `docs/${name}`)].filter((page) => example.test(readFileSync(root + page, "utf8")));

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const page of pagesWithExamples()) writeFileSync(root + page, embedExamples(readFileSync(root + page, "utf8")));
}

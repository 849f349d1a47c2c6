/** Puts files into README.md: the code block after `<!-- path -->` becomes the file's content. `npm run docs` runs it; a test compares. */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/** The page with every marked block filled. */
export function embedExamples(page) {
  return page.replace(/(<!-- (\S+\.ts) -->\n```ts\n)[^]*?```/g, (_, head, path) => `${head}${readFileSync(root + path, "utf8")}\`\`\``);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const readme = `${root}README.md`;
  writeFileSync(readme, embedExamples(readFileSync(readme, "utf8")));
}

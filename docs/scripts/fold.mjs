/**
 * Paragraphs and list items of Markdown pages with lines of at most 120 characters: `node docs/scripts/fold.mjs <page>
 * …`. Only those that have a longer line are set anew; tables, code, headings and HTML stay.
 */
import { readFileSync, realpathSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const most = 120;
/** What would begin something else at the start of a line. */
const mark = /^(?:[-+*>]|#+|\d+[.)])$/;

export function foldMarkdown(text) {
  const folded = [];
  let fenced = false;
  let block = [];
  const end = () => {
    folded.push(...(block.some((line) => line.length > most) ? refilled(block) : block));
    block = [];
  };
  for (const line of text.split("\n")) {
    const fence = /^\s*```/.test(line);
    if (fence || fenced || /^(?:\s*$|\||#|<|!\[)/.test(line)) {
      end();
      folded.push(line);
      if (fence) fenced = !fenced;
      continue;
    }
    if (/^\s*(?:[-*]|\d+\.) /.test(line)) end();
    block.push(line);
  }
  end();
  return folded.join("\n");
}

/** Lines of one paragraph or list item; what follows the first line is indented like its text. */
function refilled(block) {
  const [, first, indent] = /^((\s*)(?:[-*] |\d+\. )?)/.exec(block[0]);
  const words =
    block
      .map((line, at) => (at === 0 ? line.slice(first.length) : line.trim()))
      .join(" ")
      .match(/(?:[^\s`]|`[^`]*`)+/g) ?? [];
  const lines = [];
  let current = first;
  let empty = true;
  for (const word of words) {
    if (!empty && current.length + 1 + word.length > most && !mark.test(word)) {
      lines.push(current);
      current = `${indent}${" ".repeat(first.length - indent.length)}${word}`;
    } else {
      current += empty ? word : ` ${word}`;
      empty = false;
    }
  }
  return [...lines, current];
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  for (const page of process.argv.slice(2)) writeFileSync(page, foldMarkdown(readFileSync(page, "utf8")));
}

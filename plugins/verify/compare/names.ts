/** Names and words in answers. */
import type { Node } from "../notation/node.ts";
import { areWords } from "../notation/words.ts";

/** x, x₁, f(x), AB, |AB|, V₁ : V₂, NO/BO, (p, q). */
export function isName(node: Node): boolean {
  switch (node.kind) {
    case "symbol":
    case "text":
      return true;
    case "constant":
      return node.name === "e" || node.name === "i";
    case "product":
      return (
        node.items[0]!.kind !== "number" &&
        node.items.every(
          (item, index) => isName(item) || (index > 0 && (item.kind === "tuple" || item.kind === "number")),
        )
      );
    case "tuple":
    case "ratio":
      return node.items.every(isName);
    case "quotient":
      return isName(node.over) && isName(node.under);
    case "call":
      return node.name === "abs" && node.args.every(isName);
    case "quantity":
      return isName(node.value);
    default:
      return false;
  }
}

/** A word is itself alone; two letters in \text{…} are the product of them too. */
export function sameName(x: Node, y: Node): boolean {
  const name = nameOf(x);
  return name !== null && name === nameOf(y) && (x.kind === y.kind || !areWords(name));
}

/** What a node is as a word: text, or letters. */
function nameOf(node: Node): string | null {
  if (node.kind === "text") return node.text;
  if (node.kind === "symbol") return node.name.toLowerCase();
  if (node.kind === "constant") return node.name;
  if (node.kind === "product") {
    const parts = node.items.map(nameOf);
    return parts.includes(null) ? null : parts.join("");
  }
  return null;
}

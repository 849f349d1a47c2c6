/** Formulas and numbers in a text. */
import { readUnit } from "../values/units.ts";
import type { Stretch } from "./boxes.ts";

/** $…$, $$…$$, \(…\), \[…\]; those within a line must close on it. */
export function formulasIn(text: string): Stretch[] {
  const found: Stretch[] = [];
  let open: { readonly sign: string; readonly start: number } | null = null;
  for (let at = 0; at < text.length; at++) {
    const two = text.slice(at, at + 2);
    if (open !== null && open.sign.length === 1 && text[at] === "\n") open = null;
    if (open?.sign === "\\(" && text[at] === "\n") open = null;
    if (two === "$$" || two === "\\(" || two === "\\[" || two === "\\)" || two === "\\]" || text[at] === "$") {
      const sign: string = two === "$$" || two[0] === "\\" ? two : "$";
      const closes: boolean =
        open !== null &&
        ((sign === open.sign && (sign === "$" || sign === "$$")) ||
          (open.sign === "\\(" && sign === "\\)") ||
          (open.sign === "\\[" && sign === "\\]"));
      if (closes) {
        const inner = text.slice(open!.start + open!.sign.length, at);
        if (inner.trim() !== "") found.push({ start: open!.start, end: at + sign.length, inner });
        open = null;
      } else if (sign !== "\\)" && sign !== "\\]" && !(open !== null && sign === "$")) open = { sign, start: at };
      at += sign.length - 1;
    } else if (text[at] === "\\") at++;
  }
  return found;
}

/** A formula with a percent sign or word after it. */
export function withTrailing(text: string, { end, inner }: Stretch): string {
  return /^\s*(?:\\?%|percent|pct)/.test(text.slice(end, end + 12)) && !/%/.test(inner) ? `${inner}%` : inner;
}

const numbers =
  /(?<![\w.,])[-−]?[$€£]?\s?(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:[.,]\d+)?(?:\s*\/\s*\d+)?|\.\d+)(?:\s?(?:%|percent|pct))?(?=[^\w]|[a-z]{1,2}[²³]|$)/g;

/** The last formula or number outside of formulas, whichever comes later. */
export function lastIn(text: string): string | null {
  const formulas = formulasIn(text);
  const last = formulas.at(-1);
  const rest = text.slice(last?.end ?? 0).slice(-4000);
  const found = [...rest.matchAll(numbers)].map((match) => ({
    start: match.index,
    end: match.index + match[0].length,
    inner: match[0].trim(),
  }));
  const number = found.at(-1);
  if (number !== undefined)
    return alternatives(rest, [
      ...found.slice(0, -1),
      { ...number, inner: number.inner + unitAfter(rest, number.end) },
    ]);
  return last === undefined
    ? null
    : alternatives(
        text,
        formulas.map((formula, index) =>
          index === formulas.length - 1 ? { ...formula, inner: withTrailing(text, formula) } : formula,
        ),
      );
}

/** A unit that stands right behind a number: "12 cm", "12平方厘米". "12 in one" has none. */
function unitAfter(text: string, end: number): string {
  const rest = text.slice(end, end + 30);
  const own =
    /^\s?(?:(?:square|cubic)\s)?(?!in\b|a\b|h\b|t\b|v\b)[a-zA-Z°]+(?:\^\{?[23]\}?)?(?![\w])/.exec(rest)?.[0] ??
    /^\s?(?:平方|立方)?(?:毫米|厘米|分米|千米|公里|米|毫升|升|毫克|千克|公斤|克|吨|秒|分钟|小时|天|元|度)(?:\/(?:秒|小时|时|分))?/.exec(
      rest,
    )?.[0];
  return own !== undefined && readUnit(own.replace(/[{}]/g, "")) !== null ? own : "";
}

/** The last of several stretches, with those that "and", "or" or a comma joins to it: 3 or 5 is not 5. */
function alternatives(text: string, stretches: readonly Stretch[]): string {
  let first = stretches.length - 1;
  while (first > 0 && linked(text.slice(stretches[first - 1]!.end, stretches[first]!.start))) first--;
  return stretches
    .slice(first)
    .map(({ inner }) => inner)
    .join(" ; ");
}

const linked = (between: string): boolean => /^\s*(?:,|;|,?\s*(?:and|or|或|和))\s*$/.test(between);

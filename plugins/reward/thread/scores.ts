/**
 * What the rewards of a response's text compute; they run in a thread (see scoring.ts), so that nothing heavy may be
 * imported here.
 */
import type { ScoredPart } from "@papo/core";
import { lastBox } from "../../verify/response/boxes.ts";
import type { ThreadSample } from "./scoring.ts";

/** 1 for `<think>…</think>…\\boxed{…}…`, whitespace around <, > and / not counted, else 0. */
export function format({ response }: ThreadSample): number {
  const pieces = response.written.split(/([<>/])/);
  const text = pieces
    .map((piece, index) => {
      const start = index > 0 ? piece.trimStart() : piece;
      return index < pieces.length - 1 ? start.trimEnd() : start;
    })
    .join("");
  let from = text.startsWith("<think>") ? "<think>".length : -1;
  for (const mark of ["</think>", "\\boxed{", "}"]) {
    const at = from < 0 ? -1 : text.indexOf(mark, from);
    from = at < 0 ? -1 : at + mark.length;
  }
  return from < 0 ? 0 : 1;
}

/** min(1, n / atLeast) · clamp((atMost + fade − n) / fade, 0, 1) of n tokens. */
export function length(
  { response }: ThreadSample,
  { atLeast, atMost, fade }: { readonly atLeast: number; readonly atMost: number | null; readonly fade: number },
): number {
  const n = response.tokens.length;
  const long = atMost === null ? 1 : Math.min(1, Math.max(0, (atMost + fade - n) / fade));
  return (atLeast === 0 ? 1 : Math.min(1, n / atLeast)) * long;
}

/** −(1 − distinct / all) of the n-grams of tokens. */
export const repetition = ({ response }: ThreadSample, { n }: { readonly n: number }): number =>
  0 - repeatedShare(response.tokens, n);

export interface StringOptions {
  readonly match: "exact" | "normalised";
  readonly from: "box" | "answer_tags" | "response";
}

/** 1 when the answer is the row's as a string, else 0. */
export function string({ prompt, response }: ThreadSample, { from, match }: StringOptions): ScoredPart {
  const found =
    from === "box"
      ? lastBox(response.written)
      : from === "response"
        ? response.text
        : ([...response.written.matchAll(/<answer>([\s\S]*?)<\/answer>/g)].at(-1)?.[1] ?? null);
  if (found === null) return { value: 0, note: "no answer" };
  const form = match === "exact" ? (text: string): string => text.trim() : normalised;
  const right = form(found) === form(prompt.row.answer);
  return {
    value: right ? 1 : 0,
    note: right ? "right" : `wrong: ${found.trim()} instead of ${prompt.row.answer.trim()}`,
  };
}

export interface FactsOptions {
  readonly column: string;
  readonly within: readonly [string, string] | null;
  readonly inOrder: boolean;
}

/** The share of the row's facts that the response states. */
export function statedFacts(
  { prompt: { row }, response }: ThreadSample,
  { column, within, inOrder }: FactsOptions,
): ScoredPart {
  const facts = factsOf(row.fields[column]);
  if (facts === null)
    throw new Error(
      `row "${row.id}" needs a list of texts in the column "${column}", found ${JSON.stringify(row.fields[column])?.slice(0, 80)}`,
    );
  if (facts.length === 0) return { value: 0, note: "no facts to state" };
  const text = ` ${normalised(within === null ? response.text : (response.written.split(within[0])[1]?.split(within[1])[0] ?? ""))} `;
  let from = 0;
  const missing = facts.filter((alternatives) => {
    const found = alternatives
      .map((fact) => ({ fact, at: text.indexOf(` ${normalised(fact)} `, inOrder ? from : 0) }))
      .filter(({ at }) => at >= 0)
      .sort((a, b) => a.at - b.at)[0];
    if (found !== undefined) from = found.at + 1;
    return found === undefined;
  });
  return {
    value: 1 - missing.length / facts.length,
    note: missing.length === 0 ? "all stated" : `not stated: ${missing.map(([first]) => first).join("; ")}`,
  };
}

function factsOf(value: unknown): string[][] | null {
  if (!Array.isArray(value)) return null;
  const facts = value.map((fact: unknown) => (typeof fact === "string" ? [fact] : fact));
  return facts.every(
    (fact): fact is string[] => Array.isArray(fact) && fact.length > 0 && fact.every((one) => typeof one === "string"),
  )
    ? facts
    : null;
}

type Box = readonly [number, number, number, number];

export interface BoxOptions {
  readonly column: string | null;
  readonly value: "iou" | "threshold";
  readonly threshold: number;
}

/** How well the boxes of a response fit the right ones. */
export function box({ prompt: { row }, response }: ThreadSample, { column, value, threshold }: BoxOptions): ScoredPart {
  const right = boxesOf(column === null ? row.answer : JSON.stringify(row.fields[column] ?? null)).filter(
    (box): box is Box => box.length === 4,
  );
  if (right.length === 0)
    throw new Error(
      `row "${row.id}" has no box [x1, y1, x2, y2] in ${column === null ? "its answer" : `the column "${column}"`}`,
    );
  const found = boxesOf(response.text);
  if (found.length === 0) return { value: 0, note: "no box" };
  const overlaps = matched(found, right);
  const scored = overlaps.map((overlap) => (value === "iou" ? overlap : Number(overlap >= threshold)));
  const total = scored.reduce((sum, overlap) => sum + overlap, 0) / Math.max(found.length, right.length);
  return {
    value: total,
    note: `overlaps ${overlaps.map((overlap) => overlap.toFixed(2)).join(", ") || "none"} of ${found.length} found and ${right.length} right`,
  };
}

/** Brackets with two or four numbers. */
function boxesOf(text: string): (Box | readonly [number, number])[] {
  const number = "\\s*(-?\\d+(?:\\.\\d+)?)\\s*";
  return [...text.matchAll(new RegExp(`[[(]${number},${number}(?:,${number},${number})?[\\])]`, "g"))].map(
    ([, a, b, c, d]) =>
      (c === undefined ? [Number(a), Number(b)] : [Number(a), Number(b), Number(c), Number(d)]) as
        Box | readonly [number, number],
  );
}

/** Overlaps of the best pairs, each box in one. */
function matched(found: readonly (Box | readonly [number, number])[], right: readonly Box[]): number[] {
  const pairs = found
    .flatMap((one, i) =>
      right.map((box, j) => ({ i, j, overlap: one.length === 2 ? inside(one, box) : iou(one, box) })),
    )
    .sort((a, b) => b.overlap - a.overlap);
  const [used, taken] = [new Set<number>(), new Set<number>()];
  const overlaps: number[] = [];
  for (const { i, j, overlap } of pairs) {
    if (used.has(i) || taken.has(j)) continue;
    used.add(i);
    taken.add(j);
    overlaps.push(overlap);
  }
  return overlaps;
}

const inside = ([x, y]: readonly [number, number], [x1, y1, x2, y2]: Box): number =>
  Number(x >= Math.min(x1, x2) && x <= Math.max(x1, x2) && y >= Math.min(y1, y2) && y <= Math.max(y1, y2));

function iou(a: Box, b: Box): number {
  const area = ([x1, y1, x2, y2]: Box): number => Math.max(0, x2 - x1) * Math.max(0, y2 - y1);
  const common = area([Math.max(a[0], b[0]), Math.max(a[1], b[1]), Math.min(a[2], b[2]), Math.min(a[3], b[3])]);
  const all = area(a) + area(b) - common;
  return all === 0 ? 0 : common / all;
}

/** Without case, punctuation and articles, whitespace as one blank. */
export function normalised(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}.%-]+/gu, " ")
    .replace(/\b(?:a|an|the)\b/g, " ")
    .replace(/\.(?=\s|$)/g, " ")
    .replace(/\s+/g, " ")
    .trim();
}

/** Share of a sequence's n-grams that came before, 0 without any: 1 − distinct / all. */
export function repeatedShare(items: ArrayLike<number | string>, n: number): number {
  const all = Math.max(0, items.length - n + 1);
  if (all === 0) return 0;
  const seen = new Set<string>();
  for (let start = 0; start < all; start++)
    seen.add(Array.from({ length: n }, (_, offset) => items[start + offset]).join("\u0000"));
  return 1 - seen.size / all;
}

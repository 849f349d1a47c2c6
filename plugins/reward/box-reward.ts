import { parseOptions } from "@papo/core";
import type { Plugin, Run, Scorable, ScoredPart } from "@papo/core";
import { z } from "zod";

const schema = z.strictObject({
  /** Names the part of the reward. */
  part: z.string().min(1).default("iou"),
  /** Weight in the reward. */
  weight: z.number().default(1),
  /** The row's column with the right boxes [x1, y1, x2, y2], one or a list, in the coordinates that the prompt asks for. null: the row's answer, as JSON. */
  column: z.string().nullable().default(null),
  /** "iou": overlap over union; "threshold": 1 from `threshold` on, else 0. */
  value: z.enum(["iou", "threshold"]).default("iou"),
  /** See `value`. */
  threshold: z.number().min(0).max(1).default(0.5),
});

type Box = readonly [number, number, number, number];

/**
 * How well the boxes of a response fit the right ones: each found box is matched with one right box, best overlaps first, and the overlaps (intersection over union) are summed
 * over the larger number of boxes, so that a missing box and one too many cost the same. A response that gives a point [x, y] has 1 for it inside its box, else 0.
 */
export class BoxRewardPlugin implements Plugin {
  readonly name = "BoxRewardPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ rewards }: Run): void {
    const { part, weight } = this.options;
    rewards.register({ name: part, weight, timeoutSeconds: 10, onFailure: "stop", score: (sample) => this.#score(sample) });
  }

  #score({ prompt: { row }, response }: Scorable): ScoredPart {
    const { column, value, threshold } = this.options;
    const right = boxesOf(column === null ? row.answer : JSON.stringify(row.fields[column] ?? null)).filter((box): box is Box => box.length === 4);
    if (right.length === 0) throw new Error(`row "${row.id}" has no box [x1, y1, x2, y2] in ${column === null ? "its answer" : `the column "${column}"`}`);
    const found = boxesOf(response.text);
    if (found.length === 0) return { value: 0, note: "no box" };
    const overlaps = matched(found, right);
    const scored = overlaps.map((overlap) => (value === "iou" ? overlap : Number(overlap >= threshold)));
    const total = scored.reduce((sum, overlap) => sum + overlap, 0) / Math.max(found.length, right.length);
    return { value: total, note: `overlaps ${overlaps.map((overlap) => overlap.toFixed(2)).join(", ") || "none"} of ${found.length} found and ${right.length} right` };
  }
}

/** Brackets with two or four numbers. */
function boxesOf(text: string): (Box | readonly [number, number])[] {
  const number = "\\s*(-?\\d+(?:\\.\\d+)?)\\s*";
  return [...text.matchAll(new RegExp(`[[(]${number},${number}(?:,${number},${number})?[\\])]`, "g"))].map(([, a, b, c, d]) => (c === undefined ? [Number(a), Number(b)] : [Number(a), Number(b), Number(c), Number(d)]) as Box | readonly [number, number]);
}

/** Overlaps of the best pairs, each box in one. */
function matched(found: readonly (Box | readonly [number, number])[], right: readonly Box[]): number[] {
  const pairs = found.flatMap((one, i) => right.map((box, j) => ({ i, j, overlap: one.length === 2 ? inside(one, box) : iou(one, box) }))).sort((a, b) => b.overlap - a.overlap);
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

const inside = ([x, y]: readonly [number, number], [x1, y1, x2, y2]: Box): number => Number(x >= Math.min(x1, x2) && x <= Math.max(x1, x2) && y >= Math.min(y1, y2) && y <= Math.max(y1, y2));

function iou(a: Box, b: Box): number {
  const area = ([x1, y1, x2, y2]: Box): number => Math.max(0, x2 - x1) * Math.max(0, y2 - y1);
  const common = area([Math.max(a[0], b[0]), Math.max(a[1], b[1]), Math.min(a[2], b[2]), Math.min(a[3], b[3])]);
  const all = area(a) + area(b) - common;
  return all === 0 ? 0 : common / all;
}

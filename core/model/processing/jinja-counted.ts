/** What operators and filters of a chat template cost, counted before the library does them. */
import { entriesOf, itemsOf, type JinjaValue, lengthInside, textOf, undefinedValue } from "./jinja-library.ts";
import type { Meter } from "./jinja-meter.ts";

/** As Python compares: lists and dictionaries by what they hold, True as 1, None with nothing else. */
export function equal(a: JinjaValue, b: JinjaValue, meter: Meter): boolean {
  meter.steps(1);
  if (Array.isArray(a.value) && Array.isArray(b.value)) {
    const [own, other] = [a.value as JinjaValue[], b.value as JinjaValue[]];
    return (
      a.type === b.type && own.length === other.length && own.every((item, index) => equal(item, other[index]!, meter))
    );
  }
  if (a.value instanceof Map && b.value instanceof Map) {
    const [own, other] = [a.value as Map<string, JinjaValue>, b.value as Map<string, JinjaValue>];
    return (
      own.size === other.size && [...own].every(([key, item]) => other.has(key) && equal(item, other.get(key)!, meter))
    );
  }
  if ((a.value ?? null) === null || (b.value ?? null) === null) return a.type === b.type;
  if (typeof a.value === "string" && typeof b.value === "string" && a.value.length === b.value.length)
    meter.reads(a.value.length);
  const isNumber = ({ value }: JinjaValue): boolean => typeof value === "number" || typeof value === "boolean";
  return isNumber(a) && isNumber(b) ? Number(a.value) === Number(b.value) : a.value === b.value;
}

/** Reading a value once, without what its items hold. */
export function countValue(value: JinjaValue | undefined, meter: Meter): void {
  if (value === undefined) return;
  if (typeof value.value === "string") meter.reads(value.value.length);
  else meter.steps(lengthInside(value));
}

interface FilterCall {
  readonly name: string;
  readonly operand: JinjaValue;
  readonly placed: readonly JinjaValue[];
  readonly named: Readonly<Record<string, JinjaValue>>;
}

/** A filter that the library does. */
export function countFilter({ name, operand, placed, named }: FilterCall, meter: Meter): void {
  if (["default", "safe", "first", "last"].includes(name)) return;
  countValue(operand, meter);
  const [text, items, entries] = [textOf(operand), itemsOf(operand), entriesOf(operand)];
  if (text !== null) return countTextFilter(name, text, placed[0] ?? named["width"], meter);
  const place = placed[name === "sort" ? 2 : 0] ?? named["attribute"];
  if (name === "dictsort" && entries !== null)
    return meter.sort(entries.size, longestOf([...entries].flatMap(([key, value]) => [key.length, lengthOf(value)])));
  if (items === null) return;
  const path = typeof place?.value === "string" ? place.value : null;
  // A path is taken apart for each item, and for each that is compared.
  const cost = path === null ? 0 : 32 * path.length;
  if (name === "sort")
    meter.sort(
      items.length,
      cost + longestOf(items.map((item) => lengthOf(path === null ? item : atPath(item, path)))),
    );
  else if (name === "map") meter.steps(Math.ceil((items.length * cost) / 256));
  else if (name === "selectattr" || name === "rejectattr")
    for (const item of items) countValue(entriesOf(item)?.get(path ?? ""), meter);
  else if (name === "unique") for (const item of items) meter.reads(lengthOf(item));
}

function countTextFilter(name: string, text: string, width: JinjaValue | undefined, meter: Meter): void {
  if (name !== "indent") return meter.reads(3 * text.length);
  let lines = 1;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) {
    meter.steps(1);
    lines++;
  }
  meter.text(text.length + lines * Math.max(0, typeof width?.value === "number" ? width.value : 4));
}

const lengthOf = ({ value }: JinjaValue): number => (typeof value === "string" ? value.length : 0);
export const longestOf = (lengths: readonly number[]): number =>
  lengths.reduce((longest, length) => Math.max(longest, length), 0);

/** What is sorted by: "function.name". */
function atPath(item: JinjaValue, path: string): JinjaValue {
  let value = item;
  for (const part of path.split("."))
    value = entriesOf(value)?.get(part) ?? itemsOf(value)?.[Number(part)] ?? undefinedValue(undefined);
  return value;
}

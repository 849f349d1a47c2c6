/** What texts of a chat template can do, as Python does it, counted before it is done. */
import { type JinjaValue, entriesOf, listValue, textOf, textValue } from "./jinja-library.ts";
import type { Meter } from "./jinja-meter.ts";

/** The characters of a text, those beyond the 16 bits of JavaScript's whole. */
export function charactersOf(text: string, meter: Meter): string[] {
  meter.characters(text.length);
  return [...text];
}

/** A text as a list of its characters. */
export function characterList(text: string, meter: Meter): JinjaValue {
  const characters = charactersOf(text, meter);
  meter.list(characters.length);
  return listValue(characters.map(textValue));
}

export function joined(texts: readonly string[], separator: string, meter: Meter): string {
  meter.steps(texts.length);
  meter.text(texts.reduce((sum, { length }) => sum + length + separator.length, 0));
  return texts.join(separator);
}

const raised = (word: string): string => word.slice(0, 1).toUpperCase() + word.slice(1).toLowerCase();

/** As the filter of jinja2: words begin after white space, hyphens and brackets. */
export function titleByFilter(text: string, meter: Meter): string {
  meter.characters(text.length);
  return text
    .split(/([-\s({[<]+)/)
    .map(raised)
    .join("");
}

/** As Python's str.title(): words begin after everything that is no letter. */
function title(text: string, meter: Meter): string {
  meter.characters(text.length);
  return text.replace(/[\p{Lu}\p{Ll}\p{Lt}]+/gu, raised);
}

export function capitalized(text: string, meter: Meter): string {
  meter.reads(text.length);
  return raised(text);
}

function stripped(name: string, text: string, args: readonly JinjaValue[], meter: Meter): string {
  meter.reads(text.length);
  if (args[0] === undefined)
    return name === "strip" ? text.trim() : name === "lstrip" ? text.trimStart() : text.trimEnd();
  const given = textOf(args[0]);
  if (given === null) throw new Error(`${name}() takes the characters that it strips as a text`);
  const [characters, marks] = [charactersOf(text, meter), new Set(charactersOf(given, meter))];
  let [from, to] = [0, characters.length];
  if (name !== "rstrip") while (from < to && marks.has(characters[from]!)) from++;
  if (name !== "lstrip") while (to > from && marks.has(characters[to - 1]!)) to--;
  return characters.slice(from, to).join("");
}

/** A whole number among a method's arguments, Infinity where it is left out, None or negative. */
function most(value: JinjaValue | undefined, what: string): number {
  if (value === undefined || value.type === "NullValue") return Infinity;
  if (value.type !== "IntegerValue") throw new Error(`${what} must be a whole number`);
  return (value.value as number) < 0 ? Infinity : (value.value as number);
}

function split(text: string, [separator, times]: readonly JinjaValue[], meter: Meter): JinjaValue {
  const by = separator === undefined || separator.type === "NullValue" ? null : textOf(separator);
  if (by === null && separator !== undefined && separator.type !== "NullValue")
    throw new Error("split() takes what it splits at as a text");
  if (by === "") throw new Error("split() cannot split at an empty text");
  const parts: JinjaValue[] = [];
  for (const part of (by === null ? words : pieces)(text, by ?? "", most(times, "split(maxsplit)"), meter)) {
    parts.push(textValue(part));
    if (parts.length > meter.limits.items) meter.list(parts.length);
    meter.steps(1);
  }
  return listValue(parts);
}

function* pieces(text: string, by: string, times: number, meter: Meter): Generator<string> {
  meter.search(text.length, by.length);
  let from = 0;
  for (let done = 0; done < times; done++) {
    const at = text.indexOf(by, from);
    if (at < 0) break;
    yield text.slice(from, at);
    from = at + by.length;
  }
  yield text.slice(from);
}

/** At runs of white space, none before or behind; what is left after so many keeps its end. */
function* words(text: string, _by: string, times: number, meter: Meter): Generator<string> {
  meter.reads(text.length);
  let done = 0;
  for (const { 0: word, index } of text.matchAll(/\S+/g)) {
    if (done++ < times) yield word;
    else return void (yield text.slice(index));
  }
}

function replaced(text: string, args: readonly JinjaValue[], meter: Meter): string {
  const [old, by] = [args[0] && textOf(args[0]), args[1] && textOf(args[1])];
  if (typeof old !== "string" || typeof by !== "string") throw new Error("replace() takes two texts");
  const times = most(
    args[2] && (entriesOf(args[2]) === null ? args[2] : entriesOf(args[2])!.get("count")),
    "replace(count)",
  );
  if (old === "") return betweenAll(text, by, times, meter);
  meter.search(text.length, old.length);
  const places: number[] = [];
  for (let at = text.indexOf(old); at >= 0 && places.length < times; at = text.indexOf(old, at + old.length)) {
    meter.steps(1);
    places.push(at);
  }
  meter.text(text.length + places.length * (by.length - old.length));
  return (
    places.map((at, index) => text.slice(index === 0 ? 0 : places[index - 1]! + old.length, at) + by).join("") +
    text.slice(places.length === 0 ? 0 : places.at(-1)! + old.length)
  );
}

/** Python puts what replaces an empty text before each character and at the end. */
function betweenAll(text: string, by: string, times: number, meter: Meter): string {
  const characters = charactersOf(text, meter);
  const count = Math.min(times, characters.length + 1);
  meter.text(text.length + count * by.length);
  return (
    characters.map((character, index) => (index < count ? by : "") + character).join("") +
    (count > characters.length ? by : "")
  );
}

const beginsOrEnds = (text: string, args: readonly JinjaValue[], meter: Meter): null => {
  const sought = args[0]?.value;
  for (const part of Array.isArray(sought) ? (sought as JinjaValue[]) : args) {
    meter.steps(1);
    meter.reads(Math.min(text.length, textOf(part)?.length ?? 0));
  }
  return null;
};

const reads = (text: string, _args: readonly JinjaValue[], meter: Meter): null => (meter.reads(3 * text.length), null);

type TextMethod = (text: string, args: readonly JinjaValue[], meter: Meter) => JinjaValue | string | null;

/** Methods of texts; null: counted, and done by the library as Python does. */
const methods: Readonly<Record<string, TextMethod>> = {
  upper: reads,
  lower: reads,
  capitalize: (text, _args, meter) => capitalized(text, meter),
  title: (text, _args, meter) => title(text, meter),
  strip: (text, args, meter) => stripped("strip", text, args, meter),
  lstrip: (text, args, meter) => stripped("lstrip", text, args, meter),
  rstrip: (text, args, meter) => stripped("rstrip", text, args, meter),
  startswith: beginsOrEnds,
  endswith: beginsOrEnds,
  split,
  replace: replaced,
};

/** What a method of a text gives; null: the library may do it. */
export function callOfText(name: string, text: string, args: readonly JinjaValue[], meter: Meter): JinjaValue | null {
  const made = (Object.hasOwn(methods, name) ? methods[name]! : reads)(text, args, meter);
  return typeof made === "string" ? textValue(made) : made;
}

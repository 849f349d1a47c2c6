/** Values of a chat template as Python writes them. */
import { longestOf } from "./jinja-counted.ts";
import { type JinjaValue, itemsOf, textOf } from "./jinja-library.ts";
import type { Meter } from "./jinja-meter.ts";
import { joined } from "./jinja-text.ts";

/** Lists that are tuples in Python; to the library they stay lists, which it can unpack. */
const tuples = new WeakSet<JinjaValue>();

/** Pairs of keys and values are tuples in Python. */
export function printPairsAsTuples(list: JinjaValue): JinjaValue {
  for (const pair of itemsOf(list) ?? []) tuples.add(pair);
  return list;
}

/** What `{{ value }}` prints. @throws Error for what Python prints as an address in memory or the like */
export const pythonText = (value: JinjaValue, meter: Meter): string =>
  value.type === "StringValue"
    ? (value.value as string)
    : value.type === "UndefinedValue"
      ? ""
      : representation(value, meter);

/** Python's repr(). */
function representation(whole: JinjaValue, meter: Meter): string {
  meter.steps(1);
  const { value } = whole;
  const list = (items: readonly JinjaValue[]): string =>
    joined(
      items.map((item) => representation(item, meter)),
      ", ",
      meter,
    );
  const type = tuples.has(whole) ? "TupleValue" : whole.type;
  switch (type) {
    case "NullValue":
      return "None";
    case "BooleanValue":
      return value === true ? "True" : "False";
    case "IntegerValue":
      if (!Number.isSafeInteger(value))
        throw new Error(`the whole number ${String(value)} is beyond 2^53, and is not exact here`);
      return String(value);
    case "FloatValue":
      return floatText(value as number);
    case "StringValue":
      return quotedText(value as string, meter);
    case "ArrayValue":
      return `[${list(value as JinjaValue[])}]`;
    case "TupleValue":
      return `(${list(value as JinjaValue[])}${(value as JinjaValue[]).length === 1 ? "," : ""})`;
    case "ObjectValue":
      return `{${joined(
        [...(value as Map<string, JinjaValue>)].map(
          ([key, item]) => `${quotedText(key, meter)}: ${representation(item, meter)}`,
        ),
        ", ",
        meter,
      )}}`;
    default:
      throw new Error(
        `${type === "UndefinedValue" ? "a list that holds an undefined value" : `a value of the kind ${type}`} cannot be printed as Python does`,
      );
  }
}

/** The shortest digits, with an exponent where Python has one: from 1e16 on and below 1e-4. */
function floatText(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
  if (Object.is(value, -0)) return "-0.0";
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e16 || size < 1e-4)) return value.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
  return Number.isInteger(value) ? value.toFixed(1) : String(value);
}

/** In single quotes, unless it holds some and no double ones. */
function quotedText(text: string, meter: Meter): string {
  meter.characters(text.length);
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
  const known: Readonly<Record<string, string>> = {
    "\\": "\\\\",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    [mark]: `\\${mark}`,
  };
  const inner = text.replace(
    /[\\'"\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}]|(?! )\p{Zs}/gu,
    (character) => known[character] ?? (character === "'" || character === '"' ? character : escaped(character)),
  );
  return `${mark}${inner}${mark}`;
}

function escaped(character: string): string {
  const code = character.codePointAt(0)!;
  const [letter, digits] = code < 0x100 ? ["x", 2] : code < 0x1_0000 ? ["u", 4] : ["U", 8];
  return `\\${letter}${code.toString(16).padStart(digits, "0")}`;
}

interface JsonForm {
  readonly indent: number | null;
  readonly separators: readonly [between: string, after: string];
  readonly ascii: boolean;
  readonly sorted: boolean;
  readonly meter: Meter;
}

/**
 * transformers' `tojson`: json.dumps with `ensure_ascii` false.
 * @throws Error naming an argument that it does not have
 */
export function pythonJson(value: JinjaValue, named: Readonly<Record<string, JinjaValue>>, meter: Meter): string {
  const strange = Object.keys(named).find(
    (name) => !["indent", "separators", "ensure_ascii", "sort_keys"].includes(name),
  );
  if (strange !== undefined) throw new Error(`tojson has no argument "${strange}"`);
  const plain = (name: string): unknown => named[name]?.value ?? null;
  const given = named["separators"] && itemsOf(named["separators"])?.map(textOf);
  if (given !== undefined && !(given.length === 2 && given.every((one) => one !== null)))
    throw new Error("tojson(separators) must be two texts");
  const indent = plain("indent") as number | null;
  if (indent !== null && !(Number.isInteger(indent) && indent >= 0 && indent <= 100))
    throw new Error(`tojson(indent) must be a whole number up to 100, it is ${String(indent)}`);
  const separators =
    given !== undefined ? (given as [string, string]) : ([indent === null ? ", " : ",", ": "] as const);
  return json(
    value,
    { indent, separators, ascii: plain("ensure_ascii") === true, sorted: plain("sort_keys") === true, meter },
    0,
  );
}

function json(value: JinjaValue, form: JsonForm, depth: number): string {
  const {
    indent,
    separators: [between, after],
    ascii,
    sorted,
    meter,
  } = form;
  meter.steps(1);
  const wrapped = (open: string, items: readonly string[], close: string): string => {
    if (items.length === 0) return open + close;
    if (indent === null) return open + joined(items, between, meter) + close;
    meter.reads(3 * indent * (depth + 1));
    const line = (level: number): string => `\n${" ".repeat(indent * level)}`;
    return open + line(depth + 1) + joined(items, between + line(depth + 1), meter) + line(depth) + close;
  };
  const text = (inner: string): string => {
    if (ascii) meter.characters(6 * inner.length);
    else meter.reads(6 * inner.length);
    return ascii
      ? JSON.stringify(inner).replace(
          /[\u007f-\uffff]/g,
          (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`,
        )
      : JSON.stringify(inner);
  };
  switch (value.type) {
    case "StringValue":
      return text(value.value as string);
    case "NullValue":
      return "null";
    case "BooleanValue":
      return String(value.value);
    case "FloatValue":
      return floatText(value.value as number)
        .replace("inf", "Infinity")
        .replace("nan", "NaN");
    case "ArrayValue":
    case "TupleValue":
      return wrapped(
        "[",
        (value.value as JinjaValue[]).map((item) => json(item, form, depth + 1)),
        "]",
      );
    case "ObjectValue": {
      const entries = [...(value.value as Map<string, JinjaValue>)];
      if (sorted) meter.sort(entries.length, longestOf(entries.map(([key]) => key.length)));
      if (sorted) entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
      return wrapped(
        "{",
        entries.map(([key, item]) => `${text(key)}${after}${json(item, form, depth + 1)}`),
        "}",
      );
    }
    case "IntegerValue":
      return representation(value, meter);
    default:
      throw new Error(`tojson cannot write a value of the kind ${value.type}`);
  }
}

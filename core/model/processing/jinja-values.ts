/** Values of a chat template as Python writes them. */

/** As @huggingface/jinja has them. */
export interface JinjaValue {
  readonly type: string;
  readonly value: unknown;
}

/** Lists that are tuples in Python; to the library they stay lists, which it can unpack. */
const tuples = new WeakSet<JinjaValue>();

export const printAsTuple = (list: JinjaValue): void => void tuples.add(list);

/** What `{{ value }}` prints. @throws Error for what Python prints as an address in memory or the like */
export const pythonText = (value: JinjaValue): string => (value.type === "StringValue" ? (value.value as string) : value.type === "UndefinedValue" ? "" : representation(value));

/** Python's repr(). */
function representation(whole: JinjaValue): string {
  const { value } = whole;
  const type = tuples.has(whole) ? "TupleValue" : whole.type;
  switch (type) {
    case "NullValue": return "None";
    case "BooleanValue": return value === true ? "True" : "False";
    case "IntegerValue":
      if (!Number.isSafeInteger(value)) throw new Error(`the whole number ${String(value)} is beyond 2^53, and is not exact here`);
      return String(value);
    case "FloatValue": return floatText(value as number);
    case "StringValue": return quotedText(value as string);
    case "ArrayValue": return `[${(value as JinjaValue[]).map(representation).join(", ")}]`;
    case "TupleValue": return `(${(value as JinjaValue[]).map(representation).join(", ")}${(value as JinjaValue[]).length === 1 ? "," : ""})`;
    case "ObjectValue": return `{${[...(value as Map<string, JinjaValue>)].map(([key, item]) => `${quotedText(key)}: ${representation(item)}`).join(", ")}}`;
    default: throw new Error(`${type === "UndefinedValue" ? "a list that holds an undefined value" : `a value of the kind ${type}`} cannot be printed as Python does`);
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
function quotedText(text: string): string {
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
  const known: Readonly<Record<string, string>> = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", [mark]: `\\${mark}` };
  const inner = text.replace(/[\\'"\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}]|(?! )\p{Zs}/gu, (character) => known[character] ?? (character === "'" || character === '"' ? character : escaped(character)));
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
}

/**
 * transformers' `tojson`: json.dumps with `ensure_ascii` false.
 * @throws Error naming an argument that it does not have
 */
export function pythonJson(value: JinjaValue, named: Readonly<Record<string, JinjaValue>>): string {
  const strange = Object.keys(named).find((name) => !["indent", "separators", "ensure_ascii", "sort_keys"].includes(name));
  if (strange !== undefined) throw new Error(`tojson has no argument "${strange}"`);
  const plain = (name: string): unknown => named[name]?.value ?? null;
  const given = plain("separators");
  const indent = plain("indent") as number | null;
  if (indent !== null && !(Number.isInteger(indent) && indent >= 0 && indent <= 100)) throw new Error(`tojson(indent) must be a whole number up to 100, it is ${String(indent)}`);
  const separators = Array.isArray(given) ? ((given as JinjaValue[]).map(({ value: one }) => one) as [string, string]) : ([indent === null ? ", " : ",", ": "] as const);
  return json(value, { indent, separators, ascii: plain("ensure_ascii") === true, sorted: plain("sort_keys") === true }, 0);
}

function json(value: JinjaValue, form: JsonForm, depth: number): string {
  const { indent, separators: [between, after], ascii, sorted } = form;
  const wrapped = (open: string, items: readonly string[], close: string): string => {
    if (items.length === 0) return open + close;
    if (indent === null) return open + items.join(between) + close;
    const line = (level: number): string => `\n${" ".repeat(indent * level)}`;
    return open + line(depth + 1) + items.join(between + line(depth + 1)) + line(depth) + close;
  };
  const text = (inner: string): string => (ascii ? JSON.stringify(inner).replace(/[\u007f-\uffff]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`) : JSON.stringify(inner));
  switch (value.type) {
    case "StringValue": return text(value.value as string);
    case "NullValue": return "null";
    case "BooleanValue": return String(value.value);
    case "FloatValue": return floatText(value.value as number).replace("inf", "Infinity").replace("nan", "NaN");
    case "ArrayValue": case "TupleValue": return wrapped("[", (value.value as JinjaValue[]).map((item) => json(item, form, depth + 1)), "]");
    case "ObjectValue": {
      const entries = [...(value.value as Map<string, JinjaValue>)];
      if (sorted) entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
      return wrapped("{", entries.map(([key, item]) => `${text(key)}${after}${json(item, form, depth + 1)}`), "}");
    }
    case "IntegerValue": return representation(value);
    default: throw new Error(`tojson cannot write a value of the kind ${value.type}`);
  }
}

/** A record of a file becomes a row. */
import type { Row } from "../../contracts/step/row.ts";
import type { Digits } from "../values/number-text.ts";
import { NumberText } from "../values/number-text.ts";
import { parseJson } from "../values/json.ts";
import {
  columnNames,
  knownColumns,
  mappingHint,
  purposeNames,
  valueAt,
  type ColumnFinder,
  type Layout,
  type Purpose,
  type Values,
} from "./columns.ts";
import { isConversation, placed, readConversation, type Conversation } from "./conversation.ts";
import { pictureOf, pictureValues, type PicturePlace } from "./pictures.ts";
import { shown, withoutData } from "../../messages/shown.ts";

export interface RowPlace extends PicturePlace {
  /** Id of a row without one. */
  readonly id: string;
}

/**
 * What is mapped in its place, everything else in `fields`.
 * @throws Error naming the column that is missing or wrong
 */
export function rowOf(record: Values, finder: ColumnFinder, place: RowPlace): Row {
  const layout = finder.layoutOf(record);
  const asked = promptOf(record, layout);
  const own = pictureValues(record, layout, finder.columns.images !== undefined);
  for (const column of own.columns) finder.tookPictures(column);
  const images = placed(asked.pictures, own.values).map((value, index) => pictureOf(value, index + 1, place));
  if (images.length === 0 && asked.prompt.trim() === "")
    throw new Error("the question is empty, and there is no picture");
  return {
    id: optional(record, layout, "id") ?? place.id,
    prompt: asked.prompt,
    system: asked.system ?? optional(record, layout, "system"),
    ...(asked.history.length === 0 ? {} : { history: asked.history }),
    images,
    answer: answerOf(record, layout, asked.reply),
    fields: fieldsOf(
      record,
      layout.others.filter((name) => !own.columns.includes(name)),
      asked.reply,
    ),
    folder: place.folder,
  };
}

function promptOf(record: Values, layout: Layout): Conversation {
  const value = valueOf(record, layout, "prompt");
  const listed = typeof value === "string" ? conversationIn(value) : value;
  if (typeof listed !== "string" && isConversation(listed)) return readConversation(listed);
  const prompt = textOf(value, record, layout, "prompt");
  if (prompt.includes("data:image/"))
    throw new Error(
      `the question holds a picture in its text (${shown(withoutData(prompt))}): put it into a column of pictures, and <image> in its place`,
    );
  return { system: null, history: [], prompt, reply: null, pictures: [] };
}

/**
 * A list of messages that is written as JSON, as tables without lists have it; else the text.
 * @throws Error for one as Python prints it
 */
function conversationIn(text: string): unknown {
  if (!/^\s*\[\s*\{/.test(text)) return text;
  if (/^\s*\[\s*\{\s*'(?:role|from|content|value)'/.test(text))
    throw new Error("the prompt is the text that Python prints for a list of messages: write it as JSON");
  try {
    const parsed = parseJson(text);
    return isConversation(parsed) ? parsed : text;
  } catch {
    return text;
  }
}

function answerOf(record: Values, layout: Layout, reply: string | null): string {
  if (layout.answer === null && reply !== null) return reply;
  const value = valueOf(record, layout, "answer");
  if (typeof value === "string") return value;
  if (isConversation(value)) {
    const said = value.findLast(
      ({ role, from }) =>
        typeof (role ?? from) === "string" && /^(?:assistant|gpt|model|bot)$/i.test((role ?? from) as string),
    );
    return textOf(said === undefined ? null : (said["content"] ?? said["value"]), record, layout, "answer");
  }
  // Several may be alternatives, or all of them the answer: only whoever wrote them knows.
  if (Array.isArray(value) && value.length > 1)
    throw new Error(
      `column "${nameOf(layout, "answer")}" (the answer) is a list of ${value.length} values, ${shown(value)}: write the answer as one text, as in "A, C"`,
    );
  return textOf(Array.isArray(value) ? value[0] : value, record, layout, "answer");
}

type TextPurpose = Exclude<Purpose, "images">;

function optional(record: Values, layout: Layout, purpose: "id" | "system"): string | null {
  if (layout[purpose] === null) return null;
  const value = valueOf(record, layout, purpose);
  return value === undefined || value === null ? null : textOf(value, record, layout, purpose);
}

const nameOf = (layout: Layout, purpose: TextPurpose): string => layout[purpose] ?? knownColumns[purpose][0]!;

const valueOf = (record: Values, layout: Layout, purpose: TextPurpose): unknown =>
  valueAt(record, nameOf(layout, purpose));

/** A text, or a number by its digits. */
function textOf(value: unknown, record: Values, layout: Layout, purpose: TextPurpose): string {
  if (typeof value === "string") return value;
  if (value instanceof NumberText) return value.text;
  if ((typeof value === "number" && !Number.isNaN(value)) || typeof value === "boolean" || typeof value === "bigint")
    return String(value);
  const found =
    value === undefined
      ? `columns found: ${columnNames(Object.keys(record))}`
      : `found ${Number.isNaN(value) ? "NaN" : shown(value)}`;
  throw new Error(
    `column "${nameOf(layout, purpose)}" (${purposeNames[purpose]}) is missing or not text; ${found}; ${mappingHint(purpose)}`,
  );
}

function fieldsOf(record: Values, names: readonly string[], reply: string | null): Row["fields"] {
  const digits = { seen: false };
  const fields: Record<string, unknown> = {};
  for (const name of names) define(fields, name, plain(record[name], digits));
  // What supervised training learns, where the answer alone stands in a column of its own.
  if (reply !== null && !Object.hasOwn(fields, "response")) fields["response"] = reply;
  if (digits.seen) written.set(fields, record);
  return fields;
}

/** A property of its own, whatever its name. */
function define(object: Record<string, unknown>, name: string, value: unknown): void {
  if (name === "__proto__")
    Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
  else object[name] = value;
}

/** Fields whose numbers are written otherwise than a double is, by the fields. */
const written = new WeakMap<Row["fields"], Values>();

/** The numbers of a row's fields that a double does not hold, by the names that lead to them. */
export function digitsOf(fields: Row["fields"]): Digits[] {
  const found: Digits[] = [];
  const find = (value: unknown, path: readonly string[]): void => {
    if (value instanceof NumberText) found.push([path, value.text]);
    else if (typeof value === "object" && value !== null && !ArrayBuffer.isView(value)) {
      for (const [name, inner] of Object.entries(value)) find(inner, [...path, name]);
    }
  };
  const record = written.get(fields);
  if (record !== undefined) for (const name of Object.keys(fields)) find(record[name], [name]);
  return found;
}

/** A row that came from another process, its numbers' digits as `digitsOf` took them from it there. */
export function withDigits(row: Row, digits: readonly Digits[]): Row {
  if (digits.length === 0) return row;
  const record = structuredClone(row.fields) as Record<string, unknown>;
  for (const [path, text] of digits) {
    const last = path.at(-1)!;
    const holder = path
      .slice(0, -1)
      .reduce<Record<string, unknown>>((inner, name) => inner[name] as Record<string, unknown>, record);
    define(holder, last, new NumberText(text));
  }
  written.set(row.fields, record);
  return row;
}

/**
 * A field as text, numbers by the digits that the file has; null for what is neither text nor number. A field inside
 * another is named with dots.
 */
export function fieldText(fields: Row["fields"], name: string): string | null {
  const value = valueAt(written.get(fields) ?? fields, name);
  if (value instanceof NumberText) return value.text;
  return typeof value === "string" || (typeof value === "number" && Number.isFinite(value)) ? String(value) : null;
}

/**
 * What JSON can write: numbers as doubles, or as their digits where a double is another number; what is no number is
 * missing.
 */
function plain(value: unknown, digits: { seen: boolean }): unknown {
  if (typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number") return Number.isNaN(value) ? null : value;
  if (value === null || value === undefined) return null;
  if (value instanceof NumberText) {
    digits.seen = true;
    return value.plain;
  }
  if (ArrayBuffer.isView(value)) return value;
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map((item) => plain(item, digits));
  const made: Record<string, unknown> = {};
  for (const [name, inner] of Object.entries(value)) define(made, name, plain(inner, digits));
  return made;
}

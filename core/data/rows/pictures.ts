/**
 * Pictures as people's data holds them: bytes, `{ bytes, path }`, paths, file:// and data URLs, base64; nothing is ever
 * fetched because data says so.
 */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { PictureSource } from "../../contracts/step/row.ts";
import { valueAt, type Layout, type Values } from "./columns.ts";
import { quoted, shown } from "../../messages/shown.ts";

/** Where a row's pictures stand. */
export interface PicturePlace {
  /** Of the row, for messages. */
  readonly name: string;
  /** Folder that paths are relative to. */
  readonly folder: string;
  /** Said where a path leads nowhere; null: paths are not looked up. */
  readonly absent: string | null;
}

/**
 * Values of the columns of pictures, in order, lists taken apart, and the columns that they stand in.
 * @throws Error asking for the column where it can only be guessed
 */
export function pictureValues(
  record: Values,
  { images, others }: Layout,
  mapped: boolean,
): { readonly values: readonly unknown[]; readonly columns: readonly string[] } {
  const filled = images
    .map((column) => ({ column, items: itemsOf(valueAt(record, column)) }))
    .filter(({ items }) => items.length > 0);
  if (!mapped && filled.length > 1 && filled[0]!.column !== "images") {
    throw new Error(
      `the columns ${filled.map(({ column }) => `"${column}"`).join(" and ")} both hold pictures: say which by columns: { images: "${filled[0]!.column}" } (--columns images=${filled[0]!.column}), or name several in a list`,
    );
  }
  if (!mapped && filled.length === 0) askAbout(record, others);
  const taken = mapped ? filled : filled.slice(0, 1);
  return { values: taken.flatMap(({ items }) => items), columns: mapped ? images : taken.map(({ column }) => column) };
}

/** A picture, or the pictures of a list; null and "" alone are none. */
function itemsOf(value: unknown): unknown[] {
  if (value === undefined || value === null || value === "") return [];
  if (typeof value === "string" && value.startsWith("[")) return listIn(value);
  const list = listOf(value);
  return list === null ? [value] : list.flatMap((item) => (listOf(item) === null ? [item] : itemsOf(item)));
}

/** A list as a text, by JSON or by Python, as tables without lists have it. */
function listIn(text: string): unknown[] {
  try {
    return itemsOf(JSON.parse(text));
  } catch {
    return pythonTexts(text) ?? [text];
  }
}

/**
 * The texts of a list as Python prints it, "['a', 'b']"; null for anything else. Reads each character once: what
 * backtracks takes a minute for a hostile megabyte.
 */
function pythonTexts(list: string): string[] | null {
  const space = /\s*/y;
  const text = /'([^'\\]*(?:\\[^][^'\\]*)*)'/y;
  const past = (pattern: RegExp, at: number): RegExpExecArray | null => {
    pattern.lastIndex = at;
    return pattern.exec(list);
  };
  const skip = (from: number): number => from + past(space, from)![0].length;
  const items: string[] = [];
  let at = skip(1);
  while (list[at] !== "]") {
    const item = past(text, at);
    if (item === null) return null;
    items.push(item[1]!.replace(/\\(.)/g, "$1"));
    at = skip(at + item[0].length);
    if (list[at] === ",") at = skip(at + 1);
  }
  return at === list.length - 1 ? items : null;
}

const listOf = (value: unknown): readonly unknown[] | null =>
  Array.isArray(value) && !isBytes(value) ? (value as readonly unknown[]) : null;

/** Bytes as JSON can write them. */
const isBytes = (value: readonly unknown[]): boolean =>
  value.length > 8 && value.every((item) => Number.isInteger(item) && (item as number) >= 0 && (item as number) < 256);

/** What a value stands for. @throws Error saying what it is, never printing a picture */
export function pictureOf(value: unknown, number: number, place: PicturePlace): PictureSource {
  const name = `${place.name}, picture ${number}`;
  if (value instanceof Uint8Array) return value.length > 0 ? { bytes: value, name } : fail(number, "is empty");
  if (Array.isArray(value) && isBytes(value)) return { bytes: Uint8Array.from(value as readonly number[]), name };
  if (typeof value === "string") return fromText(value, number, place);
  if (typeof value !== "object" || value === null || Array.isArray(value))
    fail(
      number,
      value === null || value === undefined
        ? "is missing (null)"
        : `must be bytes, { bytes, path }, a path, a data URL or base64, found ${shown(value)}`,
    );
  const { bytes, path } = value as Values;
  const empty = (item: unknown): boolean =>
    item === null || item === undefined || item === "" || (item instanceof Uint8Array && item.length === 0);
  if (!empty(bytes)) {
    const own =
      typeof bytes === "string"
        ? {
            bytes: fromBase64(bytes) ?? fail(number, `has bytes that are no base64 (${bytes.length} characters)`),
            name,
          }
        : pictureOf(bytes, number, place);
    return typeof own === "string"
      ? fail(number, "has bytes that are none")
      : { ...own, name: typeof path === "string" && path !== "" ? `${name} (${path})` : name };
  }
  const inner = ["path", "image", "image_url", "url", "data", "base64", "source", "file_name"]
    .map((key) => (value as Values)[key])
    .find((item) => !empty(item));
  return inner === undefined
    ? fail(number, `holds neither bytes nor a path (its keys: ${Object.keys(value).join(", ") || "none"})`)
    : pictureOf(inner, number, place);
}

function fail(number: number, what: string): never {
  throw new Error(`picture ${number} ${what}`);
}

function fromText(text: string, number: number, place: PicturePlace): PictureSource {
  const name = `${place.name}, picture ${number}`;
  if (text === "") fail(number, "is missing (an empty text)");
  if (/^data:/i.test(text))
    return {
      bytes: fromDataUrl(text) ?? fail(number, `is a data URL of ${text.length} characters that holds no picture`),
      name,
    };
  const [, scheme] = /^([a-z][a-z0-9+.-]+):\/\//i.exec(text) ?? [];
  if (scheme !== undefined && scheme.toLowerCase() !== "file")
    fail(
      number,
      `is an address (${shown(text)}), and nothing is fetched because data says so: download it, and give its path`,
    );
  if (scheme !== undefined) return present(fromFileUrl(text, number), number, place);
  const bytes = looksLikeBase64(text) ? fromBase64(text) : null;
  if (bytes !== null && isPicture(bytes)) return { bytes, name };
  const [, written] = /^\{'bytes': None, 'path': '((?:[^'\\]|\\.)*)'\}$/.exec(text) ?? [];
  if (written !== undefined) return present(written, number, place);
  if (/^\{?(?:'bytes': )?b['"]/.test(text))
    fail(number, "is the text that Python prints for bytes, not a picture: write bytes as Parquet or base64");
  if (text.length > 4096 || text.includes("\n"))
    fail(number, `is a text of ${text.length} characters, neither a path nor a picture in base64`);
  return present(text, number, place);
}

function present(path: string, number: number, { folder, absent }: PicturePlace): string {
  const full = resolve(folder, path);
  if (absent !== null && !existsSync(full)) throw new Error(`picture ${full} does not exist (${absent})`);
  return full;
}

/** Some write a path after file:// that is relative. */
function fromFileUrl(text: string, number: number): string {
  const rest = text.slice("file://".length);
  if (!/^(?:localhost)?\//.test(rest)) return rest;
  try {
    return fileURLToPath(`file://${rest.replace(/^localhost/, "")}`);
  } catch (error) {
    return fail(number, `is no file URL (${(error as Error).message})`);
  }
}

function fromDataUrl(text: string): Uint8Array | null {
  const comma = text.indexOf(",");
  const head = text.slice(5, Math.max(5, comma));
  if (comma < 0 || !/^(?:image\/|application\/octet-stream|;|$)/i.test(head)) return null;
  if (/;\s*base64\s*$/i.test(head)) return fromBase64(text.slice(comma + 1));
  try {
    return Buffer.from(decodeURIComponent(text.slice(comma + 1)), "utf8");
  } catch {
    return null;
  }
}

const looksLikeBase64 = (text: string): boolean =>
  text.length >= 40 && /^[A-Za-z0-9+/_-]{40}/.test(text.slice(0, 80).replace(/\s/g, ""));

/** Standard or URL-safe, in one line or several. Null for what is none. */
function fromBase64(text: string): Uint8Array | null {
  const joined = /\s/.test(text) ? text.replace(/\s+/g, "") : text;
  return joined.length > 0 && /^[A-Za-z0-9+/_-]+={0,2}$/.test(joined) ? Buffer.from(joined, "base64") : null;
}

/** By its first bytes. */
function isPicture(bytes: Uint8Array): boolean {
  const head = Buffer.from(bytes.subarray(0, 12)).toString("latin1");
  return (
    ["\x89PNG", "\xff\xd8\xff", "GIF8", "BM", "II*\0", "MM\0*", "<svg", "<?xml"].some((mark) =>
      head.startsWith(mark),
    ) ||
    (head.startsWith("RIFF") && head.slice(8) === "WEBP") ||
    head.slice(4, 8) === "ftyp"
  );
}

const videoName = /video|frames?$|clip/i;
const pictureFile = /\.(?:png|jpe?g|gif|webp|bmp|tiff?|avif|heic|svg)$/i;
const videoFile = /\.(?:mp4|mkv|webm|avi|mov|m4v)$/i;

/** A row without pictures must not have them under a name that is not known. */
function askAbout(record: Values, columns: readonly string[], outer = ""): void {
  for (const name of columns) {
    const value = record[name];
    if (typeof value === "number" || typeof value === "boolean" || value === null || value === undefined) continue;
    const column = `${outer}${name}`;
    const first = typeof value === "string" ? value : itemsOf(value)[0];
    if (holdsVideo(name, first)) throw new Error(videoQuestion(column));
    if (holdsPicture(first)) throw new Error(pictureQuestion(column));
    if (outer === "" && typeof value === "object" && value === first && !ArrayBuffer.isView(value))
      askAbout(value as Values, Object.keys(value), `${name}.`);
  }
}

const holdsVideo = (name: string, value: unknown): boolean =>
  (hasEnding(value) && videoFile.test(value)) ||
  (videoName.test(name) && (holdsPicture(value) || value instanceof Uint8Array));

/** A name of a file ends in a dot and three or four letters. */
const hasEnding = (value: unknown): value is string =>
  typeof value === "string" && value.length < 1024 && value.lastIndexOf(".") >= value.length - 5;

function holdsPicture(value: unknown): boolean {
  if (typeof value === "string")
    return (
      (hasEnding(value) && pictureFile.test(value)) ||
      (value.length > 40 &&
        (/^data:image\//i.test(value) ||
          (looksLikeBase64(value) && isPicture(fromBase64(value.slice(0, 64)) ?? new Uint8Array()))))
    );
  if (value instanceof Uint8Array) return isPicture(value);
  if (typeof value !== "object" || value === null) return false;
  const { bytes, path } = value as Values;
  return bytes instanceof Uint8Array || typeof bytes === "string" || (bytes === null && typeof path === "string");
}

/** Videos by the name of their column. */
export const isVideoName = (name: string): boolean => videoName.test(name);

export const pictureQuestion = (column: string): string =>
  `the column "${quoted(column)}" seems to hold pictures, and none of its names is known: name it by columns: { images: "${quoted(column)}" } (--columns images=${quoted(column)}), or say that rows have no pictures by columns: { images: [] } (--columns images=)`;

export const videoQuestion = (column: string): string =>
  `the column "${column}" seems to hold videos, which are not read: take frames from them; where it lists pictures, name it by columns: { images: "${column}" } (--columns images=${column}), and to train without it say columns: { images: [] } (--columns images=)`;

/** Datasets of JSON objects, one a line or all in one value. */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { Dataset } from "../dataset.ts";
import { quoted } from "../../messages/shown.ts";
import { parseJson } from "../values/json.ts";
import { linesOf } from "./lines.ts";
import { openTextFile, unreadable, type Opening, type TextFormat, type TextOptions } from "./records.ts";

/**
 * Open a JSONL file, or a .json file that holds a list of rows or rows by id. Blank lines are passed over; columns that
 * are not mapped are kept in `fields`. Numbers keep their digits.
 * @throws Error naming the file and line, or the row's place in the list; see records.ts
 */
export const openJsonl = (file: string, options: TextOptions = {}, passOver?: Opening["passOver"]): Promise<Dataset> =>
  openTextFile(file, /\.json$/i.test(file) ? json : jsonl, options, {
    who: "openJsonl",
    ...(passOver === undefined ? {} : { passOver }),
  });

const record = (text: string): unknown => {
  try {
    return parseJson(text);
  } catch (error) {
    throw new Error(`not JSON (${quoted((error as Error).message)})`, { cause: error });
  }
};

const jsonl: TextFormat = {
  record,
  async *entries(file) {
    for await (const lines of linesOf(file)) {
      yield lines.flatMap(({ number, start, length, text }) =>
        text.trim() === ""
          ? []
          : [
              {
                entry: { place: `line ${number}`, id: `line-${number}`, source: { start, length } },
                read: () => record(text),
              },
            ],
      );
    }
  },
};

const json: TextFormat = {
  record,
  async *entries(file) {
    const text = await readFile(file, "utf8").catch((error: unknown) => {
      throw unreadable(file, error as Error);
    });
    let value: unknown;
    try {
      value = parseJson(text.replace(/^\uFEFF/, ""));
    } catch (error) {
      throw new Error(
        `The dataset ${resolve(file)} is not JSON (${quoted((error as Error).message)}); rows of one line each belong in a .jsonl file`,
        { cause: error },
      );
    }
    if (typeof value !== "object" || value === null)
      throw new Error(`The dataset ${resolve(file)} must be a list of rows, or rows by id`);
    const named = Array.isArray(value)
      ? value.map((row: unknown, index) => [`row-${index + 1}`, row] as const)
      : Object.entries(value);
    yield named.map(([id, row]: readonly [string, unknown], index) => ({
      entry: { place: `row ${index + 1}`, id, source: { value: row } },
      read: () => row,
    }));
  },
};

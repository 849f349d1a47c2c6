/** Columns that hold JSON as text, as Hugging Face datasets' `Json` feature and Arrow's extension type do. */
import { parseJson } from "./json.ts";

/** The value; the text itself where it is no JSON. */
export function storedJson(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return text;
  }
}

/** Bytes of an identifier, [16], as it is written. */
export const uuidText = (bytes: Uint8Array): string =>
  Buffer.from(bytes)
    .toString("hex")
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");

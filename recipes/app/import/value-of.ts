/** Values as people write them on command lines and in YAML. */
import { parseDocument } from "yaml";

/** What a text says: a number, true and false as Python or YAML has them, null, a list, or itself. */
export function valueOf(text: string): unknown {
  const trimmed = text.trim();
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(trimmed)) return Number(trimmed);
  if (/^(true|false)$/i.test(trimmed)) return trimmed.toLowerCase() === "true";
  // "none" is a value of some options, Python's None is none.
  if (/^(null|None|~)$/.test(trimmed)) return null;
  if (/^[[{]/.test(trimmed)) {
    const { errors, contents } = parseDocument(trimmed);
    if (errors.length === 0 && contents !== null) return contents.toJS(parseDocument(trimmed)) as unknown;
  }
  return trimmed;
}

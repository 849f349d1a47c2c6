/** The value that a text on the command line stands for, by the option's schema. */
import { z } from "zod";
import { unwrapped } from "@papo/core";

/** What a text may mean, the likeliest first; never empty. */
function readings(schema: unknown, text: string): unknown[] {
  const inner = unwrapped(schema);
  const own = ((): unknown[] => {
    if (inner instanceof z.ZodNumber) return text.trim() !== "" && !Number.isNaN(Number(text)) ? [Number(text)] : [];
    if (inner instanceof z.ZodBoolean) return text === "true" ? [true] : text === "false" ? [false] : [];
    if (inner instanceof z.ZodString || inner instanceof z.ZodEnum) return [text];
    if (inner instanceof z.ZodArray)
      return text.startsWith("[")
        ? json(text)
        : [text === "" ? [] : text.split(",").map((part) => readings(inner.element, part.trim())[0])];
    return [...json(text), ...(text.includes(",") ? [text.split(",").map((part) => part.trim())] : [])];
  })();
  return [...(text === "null" ? [null] : []), ...own, text];
}

function json(text: string): unknown[] {
  try {
    return [JSON.parse(text)];
  } catch {
    return [];
  }
}

/** The first reading that the schema takes; the likeliest where it takes none, so that its error shows that. */
export function valueFrom(schema: unknown, text: string): unknown {
  const found = readings(schema, text);
  return schema instanceof z.ZodType ? (found.find((value) => schema.safeParse(value).success) ?? found[0]) : found[0];
}

/** What the policy says that it sees, as a prompt that is made of it holds it. */
import { spellControlTokens, writtenText } from "@papo/core";
import type { Response } from "@papo/core";

export interface DescriptionPlace {
  /** Where the description begins; "" is the response's start. */
  readonly open: string;
  /** Where it ends; "" is the response's end. */
  readonly close: string;
  /** Without both marks: the "whole" response serves as one, or there is "nothing". */
  readonly missing: "whole" | "nothing";
}

/**
 * The description in a response, or null where it has none; marks of pictures are left out, control tokens stay words.
 */
export function descriptionIn(
  response: Pick<Response, "text" | "rawText" | "opening">,
  place: DescriptionPlace,
): string | null {
  const { open, close } = place;
  const written = open === "" ? response.rawText : writtenText(response);
  const marked = open + close !== "" && written.includes(open) && written.includes(close);
  const found = descriptionOf(marked ? written : response.text, place);
  return found === null ? null : spellControlTokens(found.replaceAll("<image>", "")).trim() || null;
}

/** The same in a text, as it stands there. */
export function descriptionOf(text: string, { open, close, missing }: DescriptionPlace): string | null {
  const start = text.indexOf(open);
  const from = start + open.length;
  const end = start < 0 ? -1 : close === "" ? text.length : text.indexOf(close, from);
  const found = end < 0 ? (missing === "whole" ? text : "") : text.slice(from, end);
  return found.trim() || null;
}

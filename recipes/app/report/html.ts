/** Putting foreign text into a page: everything a model or a user wrote goes through here. */
import { createHash } from "node:crypto";

/** Text for an element or a quoted attribute. */
export const escapeHtml = (text: string): string =>
  text.replace(/[&<>"'`]/g, (character) => `&#${character.charCodeAt(0)};`);

/** JSON for the inside of a script element: no "<" is left, so that nothing in it can end the element or open a comment. */
export const embedJson = (value: unknown): string =>
  JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** Our own code for the inside of a script element. Throws when it holds what would end the element. */
export const embedScript = (code: string): string => {
  if (/<\/script|<!--/i.test(code)) throw new Error("A script of the report holds \"</script\" or \"<!--\" and cannot be inlined");
  return code;
};

/** The policy entry that lets exactly this inline script run, and no other. */
export const scriptHash = (code: string): string => `'sha256-${createHash("sha256").update(code).digest("base64")}'`;

/** Texts in messages: short, of characters that a terminal shows as they are, and never a picture. */

/** Longer runs of base64 are pictures or the like. */
const longBase64 = /(?:data:[\w.+/-]{1,80}(?:;[\w=-]{1,80}){0,4},)?[A-Za-z0-9+/_-]{80,}={0,2}/g;

/** A text with what is data in it replaced by its size. */
export const withoutData = (text: string): string =>
  text.replace(longBase64, (data) => `[${data.length} characters of data]`);

/**
 * Controls of terminals, line ends of other systems, and marks that turn the direction of what follows; the line feed
 * and the tab stay.
 */
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/**
 * Any text, as it may be shown to a person: what steers a terminal is spelled out, ESC as \x1b. Every text goes through
 * here on its way to one.
 */
export const printable = (text: string): string =>
  text.replace(controls, (control) => {
    const code = control.charCodeAt(0);
    return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
  });

/** A stranger's text as a message quotes it: on one line, at most so many characters. */
export function quoted(text: string, most = 200): string {
  const line = printable(
    withoutData(text.slice(0, 4 * most))
      .replace(/\s+/g, " ")
      .trim(),
  );
  return line.length > most || text.length > 4 * most ? `${line.slice(0, most)}…` : line;
}

/** A value as a message quotes it, at most 80 characters. */
export function shown(value: unknown): string {
  const short = (_: string, inner: unknown): unknown => {
    if (ArrayBuffer.isView(inner)) return `[${inner.byteLength} bytes]`;
    if (typeof inner === "bigint") return String(inner);
    if (typeof inner === "string") return withoutData(inner.slice(0, 4096));
    return Array.isArray(inner) && inner.length > 100 ? inner.slice(0, 100) : inner;
  };
  const text = printable(JSON.stringify(value, short) ?? String(value));
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

/**
 * What a library's error comes to, for a person. Its own sentences are quoted; what the language says of a line of its
 * code ("Cannot read properties of undefined") is nobody's business, and means that what it read contradicts itself.
 * @param damaged said in place of such words
 */
export function causeOf(error: unknown, damaged: string): string {
  if (!(error instanceof Error)) return damaged;
  const isSystems =
    typeof (error as NodeJS.ErrnoException).code === "string" && (error as NodeJS.ErrnoException).syscall !== undefined;
  const ofLanguage = [TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError].some(
    (kind) => error instanceof kind,
  );
  const raw =
    ofLanguage ||
    /^Cannot read propert|is not a function|is not iterable|out of bounds|\[object |"undefined"|(?:: |\(|\bis )undefined\)?$/.test(
      error.message,
    );
  return isSystems || !raw ? quoted(error.message, 1000) || damaged : damaged;
}

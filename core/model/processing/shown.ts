/** Values in messages: short, on one line, and never a picture. */

/** Longer runs of base64 are pictures or the like. */
const longBase64 = /(?:data:[\w.+/-]*[\w;=-]*,)?[A-Za-z0-9+/_-]{80,}={0,2}/g;

/** A text with what is data in it replaced by its size. */
export const withoutData = (text: string): string => text.replace(longBase64, (data) => `[${data.length} characters of data]`);

/** A value as a message quotes it, at most 80 characters. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value, (_, inner: unknown) => (ArrayBuffer.isView(inner) ? `[${inner.byteLength} bytes]` : typeof inner === "bigint" ? String(inner) : typeof inner === "string" ? withoutData(inner) : inner)) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

/** How much memory a row takes. */
import type { Row } from "../../contracts/step/row.ts";

/** Bytes of a row, about: of its pictures and texts. */
export function rowBytes({ images, prompt, answer, fields }: Row): number {
  const pictures = images.reduce(
    (sum, image) => sum + (typeof image === "string" ? image.length : image.bytes.length),
    0,
  );
  return (
    pictures +
    prompt.length +
    answer.length +
    Object.values(fields).reduce<number>((sum, value) => sum + sizeOf(value), 0)
  );
}

const sizeOf = (value: unknown): number =>
  typeof value === "string" ? value.length : ArrayBuffer.isView(value) ? value.byteLength : 8;

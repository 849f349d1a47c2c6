/** What tells a question from another one of the same id: its texts, its gold and its pictures. */
import { textDigest, type DigestOf, type Row } from "@papo/core";
import type { Question } from "./question.ts";

/** @param ofFile digest of a picture that is given by its path */
export function rowDigest({ prompt, system, history = [], answer, images }: Row, ofFile: DigestOf): string {
  const pictures = images.map((image) =>
    typeof image === "string" ? ofFile(image) : textDigest(Buffer.from(image.bytes).toString("base64")),
  );
  return textDigest(JSON.stringify([prompt, system, history, answer, pictures]));
}

/** What of a row is another than when its answers were sampled, in words; null where nothing is. */
export function changeOf(row: Row, { question, gold, digest }: Question, ofFile: DigestOf): string | null {
  if (row.prompt !== question)
    return `its text is ${JSON.stringify(row.prompt.slice(0, 60))} now, and was ${JSON.stringify(question.slice(0, 60))}`;
  if (row.answer !== gold)
    return `its gold is ${JSON.stringify(row.answer.slice(0, 60))} now, and was ${JSON.stringify(gold.slice(0, 60))}`;
  return digest === undefined || digest === rowDigest(row, ofFile)
    ? null
    : "its pictures or the turns before it are others now";
}

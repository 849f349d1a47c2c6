/** Marks in a row's texts stand for its pictures. */
import { imageMark } from "../model/processing/chat-template.ts";
import type { Row } from "../contracts/step/row.ts";

/**
 * What is wrong with the marks of a row's texts, null when nothing is: one `<image>` for each picture, or none at all.
 */
export function marksProblem({
  system,
  history = [],
  prompt,
  images,
}: Pick<Row, "system" | "history" | "prompt" | "images">): string | null {
  const text = [system ?? "", ...history.map(({ content }) => content), prompt].join("\n");
  const other = ["<video>", "<audio>"].find((mark) => text.includes(mark));
  if (other !== undefined)
    return `the text has a mark ${other}, and ${other === "<video>" ? "videos are not read: put frames of it into the pictures, each with its <image>" : "sounds are not read"}`;
  const marks = text.split(imageMark).length - 1;
  return marks === 0 || marks === images.length
    ? null
    : `the prompt has ${marks} <image> marks and ${images.length} pictures; put one mark where each picture belongs, or none`;
}

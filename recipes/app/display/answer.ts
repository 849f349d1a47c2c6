/** A question and the answer to it, for people. */
import type { Sample } from "@papo/core";
import { cutTo, oneLine, shortNumber } from "./format.ts";

/** Columns of a question, and of an answer, whose end says what it comes to. */
const most = 72;

/** `asked "how many cross ?"` and `answered "\\boxed{ 2 }": reward 1.00; right is "2"` */
export function askedAndAnswered({
  prompt: { row },
  response,
  reward,
}: Pick<Sample, "prompt" | "response" | "reward">): readonly [asked: string, answered: string] {
  const question = oneLine(row.prompt).trim();
  const asked = cutTo(question, most);
  const said = oneLine(response.text).trim();
  const end = [...said].slice(-most).join("");
  const right = row.answer === "" ? "" : `; right is "${cutTo(oneLine(row.answer), most)}"`;
  return [
    `asked "${asked}${asked === question ? "" : "…"}"`,
    `answered "${end === said ? "" : "…"}${end}": reward ${shortNumber(reward)}${right}`,
  ];
}

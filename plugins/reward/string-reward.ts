import { parseOptions } from "@papo/core";
import type { Plugin, Run, Scorable, ScoredPart } from "@papo/core";
import { z } from "zod";
import { lastBoxed, normalised } from "./text-rewards.ts";

const schema = z.strictObject({
  /** Names the part of the reward. */
  part: z.string().min(1).default("accuracy"),
  /** Weight in the reward. */
  weight: z.number().default(0.9),
  /** "exact": letter by letter; "normalised": without case, punctuation, articles and extra whitespace. */
  match: z.enum(["exact", "normalised"]).default("normalised"),
  /** What is compared: the last \boxed{…}, what stands in <answer> tags, or the whole response. */
  from: z.enum(["box", "answer_tags", "response"]).default("box"),
});

/** 1 when the answer is the row's as a string, else 0; the note tells a response without an answer from a wrong one. For mathematics see MathRewardPlugin. */
export class StringRewardPlugin implements Plugin {
  readonly name = "StringRewardPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ rewards }: Run): void {
    const { part, weight } = this.options;
    rewards.register({ name: part, weight, timeoutSeconds: 10, onFailure: "stop", score: (sample) => this.#score(sample) });
  }

  #score({ prompt, response }: Scorable): ScoredPart {
    const { from, match } = this.options;
    const found = from === "box" ? lastBoxed(response.text) : from === "response" ? response.text : ([...response.text.matchAll(/<answer>([\s\S]*?)<\/answer>/g)].at(-1)?.[1] ?? null);
    if (found === null) return { value: 0, note: "no answer" };
    const form = match === "exact" ? (text: string): string => text.trim() : normalised;
    const right = form(found) === form(prompt.row.answer);
    return { value: right ? 1 : 0, note: right ? "right" : `wrong: ${found.trim()} instead of ${prompt.row.answer.trim()}` };
  }
}

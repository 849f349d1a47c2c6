import { parseOptions } from "@papo/core";
import type { Plugin, Run, Scorable, ScoredPart } from "@papo/core";
import { z } from "zod";
import { lastBoxed, sameAnswer } from "./boxed-answer.ts";

const schema = z.strictObject({
  /** Names the part of the reward. */
  part: z.string().min(1).default("accuracy"),
  /** Weight in the reward; PAPO uses 0.9 beside 0.1 for the format. */
  weight: z.number().default(0.9),
});

/** 1 when the last \boxed{…} of the response is the row's answer, as a number or letter by letter without whitespace, else 0. */
export class BoxedAnswerRewardPlugin implements Plugin {
  readonly name = "BoxedAnswerRewardPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ rewards }: Run): void {
    const { part, weight } = this.options;
    rewards.register({ name: part, weight, timeoutSeconds: 10, onFailure: "stop", score });
  }
}

function score({ prompt, response }: Scorable): ScoredPart {
  const found = lastBoxed(response.text);
  if (found === null) return { value: 0, note: "no \\boxed{…}" };
  const right = sameAnswer(found, prompt.row.answer);
  return { value: right ? 1 : 0, note: right ? "right" : `${found.trim()} instead of ${prompt.row.answer.trim()}` };
}

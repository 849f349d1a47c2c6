import { parseOptions } from "@papo/core";
import type { Plugin, Run } from "@papo/core";
import { z } from "zod";
import { limitSchema, registerScore, scores } from "./thread/scoring.ts";

const schema = z.strictObject({
  /** Names the part of the reward. */
  part: z.string().min(1).default("format"),
  /** Weight in the reward; PAPO uses 0.1 beside 0.9 for the answer. */
  weight: z.number().default(0.1),
  ...limitSchema,
});

/**
 * 1 for a response of the form `<think>…</think>…\boxed{…}…`, whitespace around <, > and / not counted, else 0 (PAPO
 * release). Marks count as special tokens too, and where the chat template wrote them.
 */
export class FormatRewardPlugin implements Plugin {
  readonly name = "FormatRewardPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply(run: Run): void {
    registerScore(run, scores, "format", this.options);
  }
}

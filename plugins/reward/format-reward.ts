import { parseOptions } from "@papo/core";
import type { Plugin, Run } from "@papo/core";
import { z } from "zod";

const schema = z.strictObject({
  /** Names the part of the reward. */
  part: z.string().min(1).default("format"),
  /** Weight in the reward; PAPO uses 0.1 beside 0.9 for the answer. */
  weight: z.number().default(0.1),
});

/** The whole response: thoughts in their tags, then an answer in a box. */
const WANTED = /^<think>.*<\/think>.*\\boxed\{.*\}.*$/s;

/** 1 for a response of the form `<think>…</think>…\boxed{…}…`, whitespace around <, > and / not counted, else 0 (PAPO release). */
export class FormatRewardPlugin implements Plugin {
  readonly name = "FormatRewardPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ rewards }: Run): void {
    const { part, weight } = this.options;
    const score = ({ response }: { readonly response: { readonly text: string } }): number => {
      return WANTED.test(response.text.replace(/\s*([<>/])\s*/g, "$1")) ? 1 : 0;
    };
    rewards.register({ name: part, weight, timeoutSeconds: 10, onFailure: "stop", score });
  }
}

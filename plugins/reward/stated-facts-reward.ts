import { parseOptions } from "@papo/core";
import type { Plugin, Run, Scorable, ScoredPart } from "@papo/core";
import { z } from "zod";
import { normalised } from "./text-rewards.ts";

const schema = z.strictObject({
  /** Names the part of the reward. */
  part: z.string().min(1).default("facts"),
  /** Weight in the reward. */
  weight: z.number().default(0.5),
  /** The row's column with what should be stated: a list of texts, or of lists of texts of which one suffices. */
  column: z.string().default("facts"),
  /** Where it must be stated: anywhere, or between these two marks. */
  within: z.tuple([z.string(), z.string()]).nullable().default(null),
  /** Count a fact only after the one before it was stated: key steps in their order. */
  inOrder: z.boolean().default(false),
});

/**
 * The share of a row's annotated facts that the response states, as words without case and punctuation: perception facts, or the key steps of a solution
 * (`column: "key_steps", inOrder: true`; soft key-step matching, R1-VL, arXiv:2503.12937). The note names what is missing.
 */
export class StatedFactsRewardPlugin implements Plugin {
  readonly name = "StatedFactsRewardPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ rewards }: Run): void {
    const { part, weight } = this.options;
    rewards.register({ name: part, weight, timeoutSeconds: 10, onFailure: "stop", score: (sample) => this.#score(sample) });
  }

  #score({ prompt: { row }, response }: Scorable): ScoredPart {
    const { column, within, inOrder } = this.options;
    const facts = factsOf(row.fields[column]);
    if (facts === null) throw new Error(`row "${row.id}" needs a list of texts in the column "${column}", found ${JSON.stringify(row.fields[column])?.slice(0, 80)}`);
    if (facts.length === 0) return { value: 0, note: "no facts to state" };
    const text = ` ${normalised(within === null ? response.text : (response.text.split(within[0])[1]?.split(within[1])[0] ?? ""))} `;
    let from = 0;
    const missing = facts.filter((alternatives) => {
      const found = alternatives.map((fact) => ({ fact, at: text.indexOf(` ${normalised(fact)} `, inOrder ? from : 0) })).filter(({ at }) => at >= 0).sort((a, b) => a.at - b.at)[0];
      if (found !== undefined) from = found.at + 1;
      return found === undefined;
    });
    return { value: 1 - missing.length / facts.length, note: missing.length === 0 ? "all stated" : `not stated: ${missing.map(([first]) => first).join("; ")}` };
  }
}

function factsOf(value: unknown): string[][] | null {
  if (!Array.isArray(value)) return null;
  const facts = value.map((fact: unknown) => (typeof fact === "string" ? [fact] : fact));
  return facts.every((fact): fact is string[] => Array.isArray(fact) && fact.length > 0 && fact.every((one) => typeof one === "string")) ? facts : null;
}

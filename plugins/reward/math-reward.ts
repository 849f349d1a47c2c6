import { parseOptions, shown, writtenText } from "@papo/core";
import type { Plugin, Row, Run, Scorable, ScoredPart } from "@papo/core";
import { z } from "zod";
import { Verifier } from "../verify/thread/verifier.ts";
import { limitSchema } from "./thread/scoring.ts";

const schema = z.strictObject({
  /** Names the part of the reward. */
  part: z.string().min(1).default("accuracy"),
  /** Weight in the reward; PAPO uses 0.9 beside 0.1 for the format. */
  weight: z.number().default(0.9),
  /**
   * The row's column with the choices of a multiple-choice question, a list of texts or texts by letter; rows without
   * it have none.
   */
  choices: z.string().default("choices"),
  ...limitSchema,
});

/**
 * 1 when the response's answer is mathematically the row's, else 0: numbers, expressions, equations, inequalities,
 * intervals and sets, tuples, matrices, ratios, units, percentages, choices (a letter, or the text it stands for) and
 * words, in LaTeX or plain notation. Exact numbers must agree exactly, decimal fractions to 6 significant digits. The
 * note says which answers were compared, and tells a response without one, or with one that cannot be read, from a
 * wrong one.
 */
export class MathRewardPlugin implements Plugin {
  readonly name = "MathRewardPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ rewards }: Run): void {
    const { part, weight, limit, onFailure, choices } = this.options;
    const verifier = new Verifier({ limit });
    rewards.register({
      name: part,
      weight,
      timeoutSeconds: 60,
      onFailure,
      rejects: (row) => rejected(row, verifier, choices),
      score: (sample) => score(sample, verifier, limit, choices),
    });
  }
}

async function rejected({ answer, fields }: Row, verifier: Verifier, choices: string): Promise<string | null> {
  return (await verifier.verify(answer, "", fields[choices])).usableGold
    ? null
    : `its answer cannot be read: ${answer.trim() === "" ? "it is empty" : shown(answer)}`;
}

async function score(
  { prompt, response }: Scorable,
  verifier: Verifier,
  limit: number,
  choices: string,
): Promise<ScoredPart> {
  const { outcome, expected, found } = await verifier.verify(
    prompt.row.answer,
    writtenText(response),
    prompt.row.fields[choices],
  );
  switch (outcome) {
    case "right":
      return { value: 1, note: `right: ${found}` };
    case "wrong":
      return { value: 0, note: `wrong: ${found} instead of ${expected}` };
    case "unreadable":
      return { value: 0, note: `unreadable: ${found} instead of ${expected}` };
    case "no answer":
      return { value: 0, note: "no answer" };
    case "late":
      throw new Error(`the answer was not verified within ${limit} ms`);
  }
}

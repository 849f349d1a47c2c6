import { parseOptions, rewardPart, withoutPictures } from "@papo/core";
import type { Plugin, PromptParts, Row, Run, Sample } from "@papo/core";
import { z } from "zod";
import { filledIn } from "../words/filled-in.ts";
import { descriptionIn } from "../words/description.ts";

const schema = z.strictObject({
  /** The Observer's turn; {question} is filled in. "{question}" leaves the row's prompt as it is. */
  observer: z
    .string()
    .default(
      "{question}\n\nWrite down as a list what can be seen in the picture and is needed to answer this, with labels, numbers and places. Do not answer, and do not calculate.",
    ),
  /** The Solver's turn; {caption} and {question} are filled in. */
  solver: z
    .string()
    .default(
      "{question}\n\nWhat can be seen in the picture:\n{caption}\n\nThink step by step and put the final answer in \\boxed{}.",
    ),
  /**
   * Whether the Solver has the picture too, to look at where the caption does not say enough, as in the release's
   * evaluation.
   */
  picture: z.boolean().default(true),
  /** The Solver's responses to each caption: a group of its own. */
  samples: z.int().positive().meta({ unit: "responses" }).default(4),
  /** Where the caption begins in the Observer's response; "" is its start. */
  open: z.string().default(""),
  /** Where it ends; "" is the response's end. */
  close: z.string().default(""),
  /** The part of the Solver's reward whose mean is the Observer's. */
  metric: z.string().default("accuracy"),
  /** Tokens of the Solver's response at most; null: as the Observer's. */
  maxNewTokens: z.int().positive().meta({ unit: "tokens" }).nullable().default(null),
});

/** The column that keeps the row's own prompt where the Observer's stands in its place. */
const QUESTION = "observed_question";

/**
 * One policy in two roles, both trained: the Observer writes a caption for the question, r_O = the mean accuracy of the
 * Solver's responses to it; the Solver answers from the caption, r_S = what the recipe's scorers say (PRCO,
 * arXiv:2603.28618). Roles, both rewards and the shared policy are from its abstract, that the Solver may look at the
 * picture from its release 69d094b (README, evaluation; its training code is not published). Ours: the Solver's
 * responses to one caption are a group, compared with each other alone, as are the Observer's to one question; several
 * of them to each caption; an Observer without a caption gets 0; the words of the turns. The recipe's scorers judge
 * captions too, and count for nothing.
 *
 * Metrics: prco/utility, the mean r_O; prco/captions, the share of the Observer's responses that hold a caption;
 * prco/solver_spread, the share of captions from which the Solver is neither always right nor always wrong.
 */
export class ObserverSolverPlugin implements Plugin {
  readonly name = "ObserverSolverPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ hooks, auxiliary, metric }: Run): void {
    const { samples, metric: part, maxNewTokens } = this.options;
    const solver = auxiliary.register({
      name: "solver",
      samples,
      trained: true,
      prompt: (sample) => this.solverPrompt(sample),
      ...(maxNewTokens === null ? {} : { maxNewTokens }),
    });
    hooks.prompts.tapPromise(this.name, (rows) => Promise.resolve(rows.map((row) => this.#observed(row))));
    hooks.rewards.tapPromise(this.name, (rewards, group) => {
      if (group.role !== undefined) return Promise.resolve(rewards);
      const utilities = group.auxiliary(solver).map((answers) => {
        const right = answers.filter(({ dropped }) => dropped !== true).map((answer) => rewardPart(answer, part));
        const utility = right.length === 0 ? 0 : right.reduce((sum, value) => sum + value, 0) / right.length;
        metric("prco/utility", utility);
        metric("prco/captions", answers.length === 0 ? 0 : 1);
        if (answers.length > 0) metric("prco/solver_spread", right.some((value) => value !== right[0]) ? 1 : 0);
        return utility;
      });
      return Promise.resolve(utilities);
    });
  }

  #observed(row: Row): Row {
    return {
      ...row,
      prompt: filledIn(this.options.observer, { question: row.prompt }),
      fields: { ...row.fields, [QUESTION]: row.prompt },
    };
  }

  /** What the Solver reads after an Observer's response; null after one without a caption. */
  solverPrompt({ prompt: { row, pictures }, response }: Sample): PromptParts | null {
    const { open, close, picture, solver } = this.options;
    const caption = descriptionIn(response, { open, close, missing: "nothing" });
    if (caption === null) return null;
    const question = row.fields[QUESTION];
    const asked = {
      prompt: typeof question === "string" ? question : row.prompt,
      system: row.system,
      ...(row.history === undefined ? {} : { history: row.history }),
      pictures,
    };
    const parts = picture ? asked : withoutPictures(asked);
    return { ...parts, prompt: filledIn(solver, { caption, question: parts.prompt }) };
  }
}

/** The navigator of RL of Thoughts (arXiv:2505.14140): a small model that learns which block of thought comes next. */
import { parseOptions } from "@papo/core";
import type { EndedTurn, Plugin, Reply, Response, Run } from "@papo/core";
import { z } from "zod";
import { beginning, blocks, boxed, continuation, partsOf, reason, type Block } from "./blocks.ts";

/** Words of a question that its kind shows by. */
const cues = ["many", "plus", "more", "or", "sum", "minus", "what", "left", "right", "above"];

const schema = z.strictObject({
  /** Of a word of the blocks, taken from the reward of its response. */
  cost: z.number().nonnegative().meta({ unit: "reward" }).default(0.05),
  /** Of gradient ascent. */
  learningRate: z.number().positive().default(1),
  /** Of one response, at most. */
  maxBlocks: z.int().positive().meta({ unit: "blocks" }).default(2),
});

interface Choice {
  readonly state: readonly number[];
  readonly chances: readonly number[];
  readonly chosen: number;
}

/** For each block, with the sign and size by which its weights move. */
type Gradient = readonly (readonly number[])[];

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** Blocks that words belong to. */
const begun = (question: string, said: readonly string[]): number =>
  said.filter((words) => words === reason || words === partsOf(question)?.[0]).length;

/**
 * Where a response stands: a constant, blocks so far, whether the answer is still the first one, the question's words.
 */
export function stateOf(question: string, said: readonly string[], answers: readonly string[]): number[] {
  const words = question.split(" ");
  const kept = Number(answers.length > 1 && answers.at(-1) === answers[0]);
  return [1, begun(question, said), kept, ...cues.map((cue) => Number(words.includes(cue)))];
}

/** Softmax over the blocks that there are for a question. */
export function chancesOf(weights: Gradient, state: readonly number[], question: string): number[] {
  const absent = partsOf(question) === null ? "decompose" : null;
  const powers = weights.map((own, block) =>
    blocks[block] === absent ? 0 : Math.exp(sum(own.map((weight, index) => weight * state[index]!))),
  );
  return powers.map((power) => power / sum(powers));
}

/** A (1[b chosen] − p_b) x for each block b. */
export const gradientOf = ({ state, chances, chosen }: Choice, advantage: number): Gradient =>
  chances.map((chance, block) => state.map((value) => advantage * (Number(block === chosen) - chance) * value));

const wordsIn = ({ segments }: Pick<Response, "segments">): string[] =>
  segments.filter(({ source }) => source === "environment").map(({ text }) => text);

/**
 * After each block the next one is drawn from a softmax, linear in the response's state, of 39 parameters. REINFORCE
 * with the group's mean as its baseline, once a step: w_b ← w_b + η · mean over the step's choices of
 * A (1[b chosen] − p_b) x, where A is the reward less what the words cost, less the group's mean. The policy's weights
 * are no concern of it.
 *
 * Metrics: navigator/terminate, /reason, /decompose, the shares of its choices; navigator/words, said to a response;
 * navigator/right_<n>, the mean reward of responses to which n words were said.
 */
export class NavigatorPlugin implements Plugin {
  readonly name = "NavigatorPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ environments, hooks, state, metric }: Run): void {
    const { cost, learningRate, maxBlocks } = this.options;
    const weights = state<Gradient>(blocks.map(() => stateOf("", [], []).map(() => 0)));
    const choices = new Map<string, Choice[]>();
    const gradients: Gradient[] = [];

    const choose = (
      { prompt, response, random }: EndedTurn,
      said: readonly string[],
      answers: readonly string[],
    ): Block => {
      const question = prompt.row.prompt;
      const at = stateOf(question, said, answers);
      const chances = chancesOf(weights.value, at, question);
      const drawn = random.uniform(0);
      const chosen = Math.max(
        0,
        chances.findIndex((_, index) => drawn < sum(chances.slice(0, index + 1))),
      );
      const key = keyOf(prompt.key, response);
      choices.set(key, [...(choices.get(key) ?? []), { state: at, chances, chosen }]);
      return blocks[chosen]!;
    };

    const reply = (turn: EndedTurn): Reply | null => {
      const question = turn.prompt.row.prompt;
      const said = wordsIn(turn);
      const answers = turn.segments.filter(({ source }) => source === "policy").map(({ text }) => boxed(text));
      const next = continuation(question, said, answers);
      if (next !== null) return { text: next };
      const block = begun(question, said) >= maxBlocks ? "terminate" : choose(turn, said, answers);
      return block === "terminate" ? null : { text: beginning(block, question) };
    };
    // A question in parts takes three words.
    environments.register({ name: "navigator", maxTurns: 1 + 3 * maxBlocks, maxReplyTokens: 32, reply });

    hooks.rewards.tapPromise(this.name, (rewards, { key, samples, role }) => {
      if (role !== undefined) return Promise.resolve(rewards);
      const words = samples.map(({ response }) => wordsIn(response).length);
      const earned = rewards.map((reward, index) => reward - cost * words[index]!);
      const mean = sum(earned) / earned.length;
      for (const [index, { response }] of samples.entries()) {
        metric("navigator/words", words[index]!);
        metric(`navigator/right_${words[index]}`, rewards[index]!);
        for (const choice of choices.get(keyOf(key, response.index)) ?? []) {
          gradients.push(gradientOf(choice, earned[index]! - mean));
          for (const [block, name] of blocks.entries()) metric(`navigator/${name}`, Number(choice.chosen === block));
        }
      }
      return Promise.resolve(earned);
    });

    hooks.stepped.tapPromise(this.name, () => {
      const rate = learningRate / Math.max(1, gradients.length);
      weights.value = weights.value.map((own, block) =>
        own.map((weight, index) => weight + rate * sum(gradients.map((one) => one[block]![index]!))),
      );
      gradients.length = 0;
      choices.clear();
      return Promise.resolve(undefined);
    });
  }
}

const keyOf = (prompt: string, response: number): string => `${prompt} ${response}`;

import { parseOptions, quoted, writtenText } from "@papo/core";
import type { Picture, Plugin, Run, Scorable, ScoredPart } from "@papo/core";
import sharp from "sharp";
import { z } from "zod";
import { filledIn } from "../words/filled-in.ts";
import { askChat, chatSchema } from "./chat.ts";
import { serverSchema } from "./request.ts";

const rubric =
  "You grade an answer. Question:\n{prompt}\n\nExpected answer:\n{answer}\n\nResponse to grade:\n{response}\n\n" +
  'Does the response reach the expected answer, by sound reasoning? Reply with one line of reason, then a last line "score: s" with s between 0 and 1.';

const schema = z.strictObject({
  /** Names the part of the reward. */
  part: z.string().min(1).default("judge"),
  /** Weight in the reward. */
  weight: z.number().default(1),
  /**
   * What the judge is asked: {prompt}, {answer}, {response}, {written} and the row's other columns are filled in.
   * {written} is the response with its special tokens, after what the chat template wrote before it.
   */
  rubric: z.string().default(rubric),
  /** What the score is read from: the last match's first group, a number. */
  score: z.instanceof(RegExp).default(/score:\s*(-?\d+(?:\.\d+)?)/gi),
  /** Scores are held within these. */
  range: z.tuple([z.number(), z.number()]).default([0, 1]),
  /** Show the judge the row's pictures, at most 768 pixels wide or high. */
  pictures: z.boolean().default(false),
  ...chatSchema,
  ...serverSchema,
});

/**
 * A language model as judge, through any server that speaks OpenAI's chat completions (vLLM, Ollama, llama.cpp, a
 * provider): `url` is its …/v1/chat/completions. The note is what it said. A verdict without a score is a failure, and
 * never a silent 0.
 */
export class JudgeRewardPlugin implements Plugin {
  readonly name = "JudgeRewardPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema>) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ rewards }: Run): void {
    const { part, weight, timeoutSeconds, onFailure } = this.options;
    rewards.register({
      name: part,
      weight,
      timeoutSeconds,
      onFailure,
      score: (sample, signal) => this.#score(sample, signal),
    });
  }

  async #score(sample: Scorable, signal: AbortSignal): Promise<ScoredPart> {
    const {
      range: [low, high],
    } = this.options;
    const pictures = this.options.pictures ? await Promise.all(sample.prompt.pictures.map(dataUrl)) : [];
    const said = await askChat(this.options, this.#question(sample), signal, pictures);
    const found = [
      ...said.matchAll(
        new RegExp(
          this.options.score.source,
          this.options.score.flags.includes("g") ? this.options.score.flags : `${this.options.score.flags}g`,
        ),
      ),
    ].at(-1);
    const value = Number(found?.[1]);
    if (found === undefined || !Number.isFinite(value))
      throw new Error(`the judge gave no score: ${quoted(said.slice(-160))}`);
    return { value: Math.min(high, Math.max(low, value)), note: said.slice(0, 500) };
  }

  #question({ prompt: { row }, response }: Scorable): string {
    const values: Readonly<Record<string, unknown>> = {
      written: writtenText(response),
      ...row.fields,
      prompt: row.prompt,
      answer: row.answer,
      response: response.text,
    };
    return filledIn(this.options.rubric, values);
  }
}

async function dataUrl({ width, height, data }: Picture): Promise<string> {
  const png = await sharp(data, { raw: { width, height, channels: 3 } })
    .resize({ width: 768, height: 768, fit: "inside", withoutEnlargement: true })
    .png()
    .toBuffer();
  return `data:image/png;base64,${png.toString("base64")}`;
}

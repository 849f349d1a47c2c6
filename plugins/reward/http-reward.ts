import { parseOptions, writtenText } from "@papo/core";
import type { Plugin, Run, Scorable, Scored } from "@papo/core";
import { z } from "zod";
import { askServer, serverSchema } from "./request.ts";

const schema = z.strictObject({
  /** Names the part of the reward. */
  part: z.string().min(1),
  /** Weight in the reward. */
  weight: z.number().default(1),
  /** Responses sent together at most. */
  batch: z.int().positive().meta({ unit: "responses" }).default(16),
  /** Milliseconds to wait for others to send along. */
  gather: z.number().nonnegative().meta({ unit: "milliseconds" }).default(20),
  /** Send `written` too: the response with its special tokens, after what the chat template wrote before it. */
  written: z.boolean().default(false),
  ...serverSchema,
});

const answerSchema = z.object({
  scores: z.array(z.union([z.null(), z.number(), z.object({ value: z.number(), note: z.string().optional() })])),
});

interface Waiting {
  readonly sample: Scorable;
  readonly signal: AbortSignal;
  readonly resolve: (part: Scored) => void;
  readonly reject: (error: Error) => void;
}

/**
 * A reward from your own server. It is sent `{ samples: [{ id, prompt, answer, response, fields }] }` and answers `{
 * scores: [number, { value, note } or null] }` in that order, null where it does not apply; responses that end at about
 * the same time go together. What is no such answer is a failure, and never a silent 0.
 */
export class HttpRewardPlugin implements Plugin {
  readonly name = "HttpRewardPlugin";
  readonly options: z.output<typeof schema>;
  #waiting: Waiting[] = [];
  #timer: NodeJS.Timeout | null = null;

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

  #score(sample: Scorable, signal: AbortSignal): Promise<Scored> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ sample, signal, resolve, reject });
      if (this.#waiting.length >= this.options.batch) this.#send();
      else this.#timer ??= setTimeout(() => this.#send(), this.options.gather);
    });
  }

  #send(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const batch = this.#waiting;
    this.#waiting = [];
    this.#ask(batch).catch((error: unknown) => {
      for (const { reject } of batch) reject(error as Error);
    });
  }

  async #ask(batch: readonly Waiting[]): Promise<void> {
    const samples = batch.map(
      ({
        sample: {
          prompt: { row },
          response,
        },
      }) => ({
        id: row.id,
        prompt: row.prompt,
        answer: row.answer,
        response: response.text,
        ...(this.options.written ? { written: writtenText(response) } : {}),
        fields: row.fields,
      }),
    );
    // Those sent together end together: the first to be too late ends it for all.
    const { body, said } = await askServer(
      this.options,
      { samples },
      AbortSignal.any(batch.map(({ signal }) => signal)),
    );
    const answer = answerSchema.safeParse(body);
    if (!answer.success || answer.data.scores.length !== batch.length) {
      const count = answer.success ? ` (${answer.data.scores.length} scores for ${batch.length})` : "";
      throw new Error(
        `${this.options.url} answered ${said}${count}; { scores: [${batch.length} numbers, { value, note } or null] } is needed`,
      );
    }
    answer.data.scores.forEach((score, index) => {
      if (score === null) return batch[index]!.resolve(null);
      const { value, note } = typeof score === "number" ? { value: score, note: undefined } : score;
      batch[index]!.resolve(note === undefined ? { value } : { value, note });
    });
  }
}

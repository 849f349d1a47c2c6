/** Responses of several turns: what environments say after each is put into them, and who wrote what of them. */
import type { EndedTurn as TurnTokens, GoOn, SamplingSettings } from "../rollout/engine.ts";
import type { Random } from "../math/random.ts";
import type { EncodedPrompt } from "../model/model.ts";
import type { EncodedPicture } from "../model/processing/picture.ts";
import type { Environment, Reply } from "../contracts/registered/environment.ts";
import type { PromptProcessor } from "../contracts/policy.ts";
import type { Prompt, Response, Segment } from "../contracts/step/sample.ts";

/** Who answers between turns, and who is told what a person should know. */
export interface Turns {
  /** In the order in which they are asked. */
  readonly environments: readonly Environment[];
  /** @param about what the message is about. Default: nobody is told */
  readonly warn?: (message: string, about: string) => void;
}

/** What is sampled in one call of the engine. */
export interface Conversations extends Turns {
  readonly processor: PromptProcessor;
  readonly sampling: Pick<SamplingSettings, "maxNewTokens">;
  /**
   * Of a response, by the engine's request and index: its prompt, its index in the group, its randomness for
   * environments.
   */
  readonly asked: (
    request: number,
    index: number,
  ) => { readonly prompt: Prompt; readonly index: number; readonly random: Random };
}

/** What an environment put into a response, and after how many of its tokens. */
interface Heard {
  readonly start: number;
  readonly tokens: Int32Array;
  readonly text: string;
  readonly pictures: readonly EncodedPicture[];
}

/** What the responses of one call of the engine hear between their turns. */
export class ConversationLog {
  readonly #conversations: Conversations;
  readonly #heard = new Map<string, readonly Heard[]>();
  /** Responses that went no further because the next words would not have fitted. */
  readonly #full = new Set<string>();

  constructor(conversations: Conversations) {
    this.#conversations = conversations;
  }

  /** For the engine; undefined where nobody answers. */
  get goOn(): GoOn | undefined {
    return this.#conversations.environments.length === 0
      ? undefined
      : (ended) => Promise.all(ended.map((turn) => this.#answer(turn)));
  }

  /** Who wrote what of a response, or of what there is of it. */
  segments(request: number, index: number, tokens: Int32Array): readonly Segment[] {
    const segments: Segment[] = [];
    const add = (segment: Segment): unknown => segments.push(Object.freeze(segment));
    let at = 0;
    for (const { start, tokens: given, text, pictures } of this.#heard.get(keyOf(request, index)) ?? []) {
      add(this.#ofPolicy(tokens.slice(at, start)));
      add({ source: "environment", tokens: given, text, ...(pictures.length === 0 ? {} : { pictures }) });
      at = start + given.length;
    }
    add(this.#ofPolicy(at === 0 ? tokens : tokens.slice(at)));
    return Object.freeze(segments);
  }

  /** How a response ended, of which the engine says how its last turn did. */
  finish(request: number, index: number, finish: Response["finish"]): Response["finish"] {
    return this.#full.has(keyOf(request, index)) ? "length" : finish;
  }

  #ofPolicy(tokens: Int32Array): Segment {
    return { source: "policy", tokens, text: this.#conversations.processor.decode(tokens) };
  }

  /** Ask one environment after the other, until one answers. */
  async #answer({ request, index, tokens }: TurnTokens): Promise<EncodedPrompt | null> {
    const { prompt, index: response, random } = this.#conversations.asked(request, index);
    const heard = this.#heard.get(keyOf(request, index)) ?? [];
    const turn = heard.length + 1;
    const segments = this.segments(request, index, tokens);
    for (const environment of this.#conversations.environments) {
      if (turn >= environment.maxTurns) continue;
      const { text } = segments.at(-1)!;
      const reply = await environment.reply({
        prompt,
        response,
        turn,
        text,
        segments,
        random: random.key(environment.name, turn),
      });
      if (reply === null) continue;
      const given = await this.#encoded(
        environment,
        reply,
        `row "${prompt.row.id}", response ${response}, turn ${turn}`,
      );
      if (!this.#fits(environment, given.tokens.length, tokens.length)) {
        this.#full.add(keyOf(request, index));
        return null;
      }
      this.#heard.set(keyOf(request, index), [...heard, { start: tokens.length, ...given }]);
      return { ids: given.tokens, pictures: given.pictures };
    }
    return null;
  }

  /**
   * @throws Error naming the environment, for more than it said it would say, and for what the chat template cannot
   * hold
   */
  async #encoded(
    { name, maxReplyTokens = Infinity, maxVisualTokens = 0 }: Environment,
    { text, pictures: raw = [], role = "user" }: Reply,
    where: string,
  ): Promise<Omit<Heard, "start">> {
    const { processor } = this.#conversations;
    const said = (what: string): string => `the environment "${name}" answered ${where}, with ${what}`;
    const tooMuch = (what: string, option: string, limit: number, remedy: string): Error =>
      new Error(`${said(what)}; it was registered with ${option} ${limit}: ${remedy}, or raise it`);
    const pictures = raw.length === 0 ? [] : await processor.encodePictures(raw);
    const visual = pictures.reduce((sum, picture) => sum + processor.visualTokens(picture), 0);
    if (visual > maxVisualTokens) {
      throw tooMuch(`pictures of ${visual} visual tokens`, "maxVisualTokens", maxVisualTokens, "give smaller pictures");
    }
    const tokens = encodeReply(processor, { text, role }, pictures, said);
    if (tokens.length > maxReplyTokens) {
      throw tooMuch(`${tokens.length} tokens`, "maxReplyTokens", maxReplyTokens, "say less");
    }
    return { tokens, text, pictures };
  }

  #fits({ name }: Environment, words: number, before: number): boolean {
    const {
      sampling: { maxNewTokens },
      warn,
    } = this.#conversations;
    if (before + words < maxNewTokens) return true;
    const message =
      `the ${words} tokens that the environment "${name}" answered with did not fit into a response of ` +
      `${maxNewTokens} tokens in which ${before} were written, so that it ended there; ` +
      "sampling.maxNewTokens is for all turns and answers together: raise it if this is frequent";
    warn?.(message, `no room for "${name}"`);
    return false;
  }
}

function encodeReply(
  processor: PromptProcessor,
  reply: Required<Pick<Reply, "text" | "role">>,
  pictures: readonly EncodedPicture[],
  said: (what: string) => string,
): Int32Array {
  if (processor.encodeReply === undefined) {
    throw new Error(
      "the policy's processor has no encodeReply, which puts an environment's words into a response: " +
        "leave the environment out, or give it one",
    );
  }
  try {
    return processor.encodeReply(reply, pictures);
  } catch (error) {
    throw new Error(`${said("what cannot be put into a response")}: ${(error as Error).message}`, { cause: error });
  }
}

const keyOf = (request: number, index: number): string => `${request}/${index}`;

/** Everything between the user's text and pictures and the model's ids and patches, read from a model folder. */
import { join } from "node:path";
import { ChatTemplate, splitAtImages } from "./chat-template.ts";
import { readModelConfig } from "../files/read-config.ts";
import { readJson } from "../files/json.ts";
import { familyOf } from "../registry.ts";
import { readPictureSettings } from "./image-settings.ts";
import { withoutData } from "../../messages/shown.ts";
import { Tokenizer } from "./tokenizer.ts";
import type { Message } from "./chat-template.ts";
import type { ModelConfig } from "../files/config.ts";
import type { JsonObject } from "../files/json.ts";
import type { EncodedPrompt } from "../model.ts";
import type { EncodedPicture, Picture } from "./picture.ts";
import type { PictureProcessor } from "./picture-processor.ts";
import type { DecodeOptions } from "./tokenizer.ts";

/** A prompt as the user has it: one turn with `<image>` where a picture belongs, or whole messages. */
export type PromptText =
  { readonly prompt: string; readonly system?: string } | { readonly messages: readonly Message[] };

interface Parts {
  readonly config: ModelConfig;
  /** generation_config.json. */
  readonly generation: JsonObject;
  readonly tokenizer: Tokenizer;
  readonly images: PictureProcessor;
  readonly template: ChatTemplate | null;
}

export class Processor {
  readonly tokenizer: Tokenizer;
  readonly images: PictureProcessor;
  /** Ids that end a response: all of generation_config.json, else config.json's, else the tokenizer's end token. */
  readonly stopTokens: readonly number[];
  /** Ids of vision placeholders, which a response must never hold. */
  readonly bannedTokens: readonly number[];
  readonly padToken: number;
  /** Rows of the model's vocabulary. */
  readonly vocabularySize: number;
  /** Id of a visual token's placeholder. */
  readonly imageToken: number;
  readonly #inParts: boolean;
  /** The image token as the vocabulary spells it. */
  readonly #mark: string;
  readonly #template: ChatTemplate | null;
  readonly #folder: string;

  private constructor(folder: string, parts: Parts) {
    const { config, generation, tokenizer, images, template } = parts;
    this.#folder = folder;
    this.tokenizer = tokenizer;
    this.images = images;
    this.#template = template;
    this.imageToken = config.tokens.image;
    this.#inParts = familyOf(config.raw).contentInParts ?? false;
    const mark = tokenizer.tokenOf(config.tokens.image);
    if (mark === null)
      throw new Error(
        `${folder}: the vocabulary has no token ${config.tokens.image}, which image_token_id of config.json names`,
      );
    this.#mark = mark;
    this.vocabularySize = config.text.vocabSize;
    this.stopTokens = stopTokensOf(generation, config, tokenizer, folder);
    this.bannedTokens = bannedTokensOf(config, tokenizer);
    this.padToken = padTokenOf(generation, config, tokenizer) ?? this.stopTokens[0]!;
  }

  /** @throws Error naming the file that is missing or contradicts another. */
  static async load(folder: string): Promise<Processor> {
    // Of a folder that holds nothing the same is said each time.
    const config = await readModelConfig(folder);
    const [tokenizer, settings] = await Promise.all([Tokenizer.load(folder), readPictureSettings(folder)]);
    const images = familyOf(config.raw).createPictures(settings, config);
    if (tokenizer.size > config.text.vocabSize) {
      throw new Error(
        `${folder}: the tokenizer has ids up to ${tokenizer.size - 1}, the model a vocabulary of ${config.text.vocabSize}`,
      );
    }
    const generation = (await readJson(join(folder, "generation_config.json"))) ?? {};
    const roles = ["bos_token", "eos_token", "pad_token", "unk_token"].map((role) => [role, tokenizer.roleToken(role)]);
    const template = await ChatTemplate.load(folder, Object.fromEntries(roles) as Record<string, unknown>);
    return new Processor(folder, { config, generation, tokenizer, images, template });
  }

  /**
   * The ids of a prompt through the chat template, one image id per visual token, and its pictures' patches.
   * @throws Error when the pictures are not as many as the `<image>` marks, a picture's sides differ too much, or the
   *   text itself writes an image token.
   */
  encodePrompt(text: PromptText, pictures: readonly Picture[] = []): EncodedPrompt {
    return this.encodePromptWith(
      text,
      pictures.map((picture) => this.encodePicture(picture)),
    );
  }

  /** The same, with pictures that are encoded already. */
  encodePromptWith(text: PromptText, pictures: readonly EncodedPicture[]): EncodedPrompt {
    const messages = messagesOf(text, this.#inParts);
    const marks = messages
      .flatMap(({ content }) => (typeof content === "string" ? [] : content))
      .filter(({ type }) => type === "image").length;
    if (marks !== pictures.length) {
      const found = `the prompt has ${marks} <image> marks and ${pictures.length} pictures`;
      throw new Error(`${found}; put one mark where each picture belongs: ${preview(messages)}`);
    }
    const pieces = this.renderPrompt(text).split(this.#mark);
    if (pieces.length !== pictures.length + 1) {
      const found = `the prompt's text gives ${pieces.length - 1} image tokens for ${pictures.length} pictures`;
      const remedy = `the token ${this.#mark} must not be written in it, and the chat template must place one per picture`;
      throw new Error(`${found}: ${remedy}: ${preview(messages)}`);
    }
    return { ids: this.#expand(pieces, pictures), pictures };
  }

  /**
   * The ids of a further turn, which another role says after one of the assistant's, up to where the assistant begins
   * to answer it; without the token that ended the
   * assistant's turn, which is its own.
   * @throws Error as `encodePrompt` does, and for a template that leaves the assistant's turns out
   */
  encodeReplyWith(message: Message, pictures: readonly EncodedPicture[]): Int32Array {
    const [reply] = messagesOf({ messages: [message] }, this.#inParts);
    const before = messagesOf(
      {
        messages: [
          { role: "user", content: "question" },
          { role: "assistant", content: turnMark },
        ],
      },
      this.#inParts,
    );
    const text = this.#rendered([...before, reply!]);
    const start = text.lastIndexOf(turnMark);
    if (start < 0)
      throw new Error(
        `the chat template of ${this.#folder} leaves earlier turns of the assistant out: nothing can be put after one`,
      );
    const rest = text.slice(start + turnMark.length);
    const end = this.stopTokens
      .map((id) => this.tokenizer.tokenOf(id))
      .find((stop) => stop !== null && rest.trimStart().startsWith(stop));
    const own = end === undefined || end === null ? rest : rest.trimStart().slice(end.length);
    const pieces = own.split(this.#mark);
    if (pieces.length !== pictures.length + 1) {
      throw new Error(
        `the turn's text gives ${pieces.length - 1} image tokens for ${pictures.length} pictures: put one <image> mark where each belongs, and do not write ${this.#mark}: ${preview([reply!])}`,
      );
    }
    return this.#expand(pieces, pictures);
  }

  /**
   * The text that the chat template makes of a prompt, one image token per picture. @throws Error when the folder has
   * no template.
   */
  renderPrompt(text: PromptText): string {
    return this.#rendered(messagesOf(text, this.#inParts));
  }

  #rendered(messages: readonly Message[]): string {
    if (this.#template === null) {
      throw new Error(
        `${this.#folder} has no chat template: add chat_template.jinja, or "chat_template" to tokenizer_config.json`,
      );
    }
    return this.#template.render(messages);
  }

  /** What the chat template writes at the start of a response; "" without a template. */
  get opening(): string {
    return this.#template?.opening() ?? "";
  }

  encodePicture(picture: Picture): EncodedPicture {
    return this.images.encode(picture);
  }

  decode(tokens: Iterable<number>, options: DecodeOptions = {}): string {
    return this.tokenizer.decode(tokens, options);
  }

  /**
   * Between the pieces of text, what stands for each picture: as text, since words beside it may become one token with
   * it, but each mark only once.
   */
  #expand(pieces: readonly string[], pictures: readonly EncodedPicture[]): Int32Array {
    const markups = pictures.map((picture) => this.images.markup(picture, this.#mark));
    const text = pieces.map((piece, i) => piece + (markups[i]?.text ?? "")).join("");
    const repeats = markups.flatMap(({ text, tokensPerMark }) =>
      new Array<number>(text.split(this.#mark).length - 1).fill(tokensPerMark),
    );
    const out: number[] = [];
    let next = 0;
    for (const id of this.tokenizer.encode(text)) {
      const repeat = id === this.imageToken ? repeats[next++]! : 1;
      for (let i = 0; i < repeat; i++) out.push(id);
    }
    return Int32Array.from(out);
  }
}

/**
 * Stands for a turn of the assistant in the text that a template writes: nothing that a tokenizer or a template knows.
 */
const turnMark = "\u0001turn\u0001";

/**
 * Messages whose texts with `<image>` marks are split into parts; a text without stays a text, unless all are to be
 * parts.
 */
function messagesOf(text: PromptText, inParts: boolean): Message[] {
  const messages =
    "messages" in text
      ? text.messages
      : [
          ...(text.system === undefined ? [] : [{ role: "system", content: text.system }]),
          { role: "user", content: text.prompt },
        ];
  return messages.map(({ role, content }) => {
    const parts = (typeof content === "string" ? [{ type: "text", text: content } as const] : content).flatMap(
      (part) => (part.type === "text" ? splitAtImages(part.text) : [part]),
    );
    return {
      role,
      content: !inParts && typeof content === "string" && parts.every(({ type }) => type === "text") ? content : parts,
    };
  });
}

function preview(messages: readonly Message[]): string {
  const text = withoutData(JSON.stringify(messages));
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}

function stopTokensOf(generation: JsonObject, config: ModelConfig, tokenizer: Tokenizer, folder: string): number[] {
  const named = tokenizer.roleToken("eos_token");
  const last = named === null ? null : tokenizer.idOf(named);
  const generated = idsOf(generation["eos_token_id"], `${folder}/generation_config.json`);
  const ids = [generated, config.tokens.eos, last === null ? [] : [last]].find((list) => list.length > 0);
  if (ids === undefined)
    throw new Error(`${folder} names no end-of-text token: set eos_token_id in generation_config.json`);
  const outside = ids.find((id) => id >= config.text.vocabSize);
  if (outside !== undefined)
    throw new Error(
      `${folder}: the end-of-text token ${outside} is outside the vocabulary of ${config.text.vocabSize}`,
    );
  return [...new Set(ids)];
}

function idsOf(value: unknown, file: string): number[] {
  const ids = value === undefined || value === null ? [] : [value].flat();
  const wrong = ids.find((id) => !Number.isInteger(id) || (id as number) < 0);
  if (wrong !== undefined) throw new Error(`${file}: eos_token_id holds ${JSON.stringify(wrong)}, not a token id`);
  return ids as number[];
}

function bannedTokensOf({ tokens, raw }: ModelConfig, tokenizer: Tokenizer): number[] {
  const spelled = familyOf(raw).reservedTokens.map((token) => tokenizer.idOf(token));
  const ids = [tokens.image, ...tokens.reserved, ...spelled];
  return [...new Set(ids.filter((id) => id !== null))].sort((a, b) => a - b);
}

function padTokenOf(generation: JsonObject, config: ModelConfig, tokenizer: Tokenizer): number | null {
  const named = tokenizer.roleToken("pad_token");
  const generated = generation["pad_token_id"];
  return (
    (named === null ? null : tokenizer.idOf(named)) ??
    (typeof generated === "number" ? generated : null) ??
    config.tokens.pad
  );
}

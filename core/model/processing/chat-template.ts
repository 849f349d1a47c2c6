/** Messages to the text that a model was trained to read, by the folder's own chat template. */
import { join } from "node:path";
import { readJson, readModelText } from "../files/json.ts";
import { JinjaTemplate } from "./jinja.ts";
import { causeOf } from "../../messages/shown.ts";

export type MessagePart = { readonly type: "text"; readonly text: string } | { readonly type: "image" };

export interface Message {
  readonly role: string;
  /** Text, in which `<image>` marks the place of a picture, or parts. */
  readonly content: string | readonly MessagePart[];
}

/** Stands for a picture in the text of a prompt. */
export const imageMark = "<image>";

/** Split a text at its `<image>` marks; empty pieces of text are left out. */
export function splitAtImages(text: string): MessagePart[] {
  return text
    .split(imageMark)
    .flatMap((piece, i): MessagePart[] => [
      ...(i > 0 ? [{ type: "image" } as const] : []),
      ...(piece === "" ? [] : [{ type: "text", text: piece } as const]),
    ]);
}

export class ChatTemplate {
  readonly #template: JinjaTemplate;
  readonly #variables: Readonly<Record<string, unknown>>;

  /** @param variables what the template may refer to beside the messages: `bos_token` and the like. */
  constructor(source: string, variables: Readonly<Record<string, unknown>> = {}) {
    this.#template = new JinjaTemplate(source);
    this.#variables = variables;
  }

  /**
   * Read `chat_template.jinja`, else `chat_template.json`, else "chat_template" in `tokenizer_config.json`; null when
   * there is none.
   * @throws Error naming the file when the template cannot be parsed.
   */
  static async load(folder: string, variables: Readonly<Record<string, unknown>> = {}): Promise<ChatTemplate | null> {
    const found = await findTemplate(folder);
    if (found === null) return null;
    try {
      return new ChatTemplate(found.source, variables);
    } catch (cause) {
      throw new Error(`the chat template in ${found.file} cannot be parsed: ${jinjaCause(cause)}`, { cause });
    }
  }

  /**
   * What the template writes of every response itself, behind the assistant's header: `<think>` and a new line for
   * models that always think, "" for most. Found by comparing a prompt's end with how a turn of the assistant begins.
   */
  opening(): string {
    const asked: Message[] = [{ role: "user", content: "question" }];
    const turn = "\u0001answer\u0001";
    try {
      const [prompt, plain] = [this.render(asked), this.#render(asked, false)];
      const answered = this.#render([...asked, { role: "assistant", content: turn }], false);
      const end = commonPrefix(prompt, plain);
      const header = commonPrefix(prompt, answered.slice(0, Math.max(0, answered.indexOf(turn))));
      // A template may write thoughts into earlier turns too, or leave such turns out.
      const thinking = prompt.slice(end).search(/<think(?:ing)?>|◁think▷/);
      return prompt.slice(
        Math.min(header < end ? prompt.length : header, thinking < 0 ? prompt.length : end + thinking),
      );
    } catch {
      // A template that refuses such messages is asked for none of this.
      return "";
    }
  }

  /**
   * The prompt's text, up to where the assistant begins to answer.
   * @throws Error with what the template complains of.
   */
  render(messages: readonly Message[]): string {
    try {
      return this.#render(messages, true);
    } catch (cause) {
      const roles = messages.map(({ role }) => role).join(", ");
      throw new Error(`the chat template failed on messages of roles ${roles}: ${jinjaCause(cause)}`, { cause });
    }
  }

  #render(messages: readonly Message[], answering: boolean): string {
    return this.#template.render({ ...this.#variables, messages, add_generation_prompt: answering });
  }
}

/** The library throws SyntaxErrors for templates that it does not follow: their sentences are meant for people. */
const jinjaCause = (error: unknown): string =>
  causeOf(
    error instanceof SyntaxError ? new Error(error.message) : error,
    error instanceof RangeError ? "it is nested too deep" : "it uses something that is not supported",
  );

/** Characters that two texts begin with alike. */
function commonPrefix(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}

async function findTemplate(folder: string): Promise<{ file: string; source: string } | null> {
  const jinja = join(folder, "chat_template.jinja");
  const source = await readModelText(jinja).catch(() => null);
  if (source !== null) return { file: jinja, source };
  for (const name of ["chat_template.json", "tokenizer_config.json"]) {
    const file = join(folder, name);
    const template = defaultTemplate((await readJson(file))?.["chat_template"]);
    if (template !== null) return { file, source: template };
  }
  return null;
}

/** A template is a text, or a list of named ones, of which "default" is taken. */
function defaultTemplate(template: unknown): string | null {
  if (typeof template === "string") return template;
  if (!Array.isArray(template)) return null;
  const named = (template as { name?: unknown; template?: unknown }[]).find(({ name }) => name === "default")?.template;
  return typeof named === "string" ? named : null;
}

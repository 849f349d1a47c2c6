/**
 * Lists of messages, as TRL, verl, ms-swift, LLaVA and chat servers write them: system turn, earlier turns, the
 * question, the reply; pictures in their places.
 */
import { imageMark } from "../../model/processing/chat-template.ts";
import type { Turn } from "../../contracts/step/row.ts";
import type { Values } from "./columns.ts";
import { quoted, shown } from "../../messages/shown.ts";

export interface Conversation {
  readonly system: string | null;
  /** Turns before the question. */
  readonly history: readonly Turn[];
  readonly prompt: string;
  /** What the assistant says last, where the list ends so. */
  readonly reply: string | null;
  /**
   * One for each place of a picture, in order: the picture that stands there, undefined where the row's next one
   * belongs.
   */
  readonly pictures: readonly unknown[];
}

const roles: Readonly<Record<string, "system" | "user" | "assistant">> = {
  system: "system",
  developer: "system",
  user: "user",
  human: "user",
  assistant: "assistant",
  gpt: "assistant",
  model: "assistant",
  bot: "assistant",
};

interface Message {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
  readonly pictures: readonly unknown[];
}

/** Whether a value is a list of messages. */
export const isConversation = (value: unknown): value is readonly Values[] =>
  Array.isArray(value) &&
  value.length > 0 &&
  value.every(
    (item) =>
      typeof item === "object" &&
      item !== null &&
      (typeof (item as Values)["role"] === "string" || typeof (item as Values)["from"] === "string"),
  );

/** @throws Error naming the message that cannot be trained on */
export function readConversation(messages: readonly Values[]): Conversation {
  const read = messages.map(readMessage);
  const end = read.findLastIndex(({ role }) => role !== "assistant") + 1;
  const turns = read.slice(0, end);
  const [first] = turns;
  const system = first?.role === "system" ? first : null;
  const others = system === null ? turns : turns.slice(1);
  const odd = others.findIndex(({ role }) => role === "system");
  if (odd >= 0)
    throw new Error(
      `message ${odd + (system === null ? 1 : 2)} is a system turn, which must be the first and the only one`,
    );
  const question = others.at(-1);
  if (question === undefined)
    throw new Error(`the list of messages has no user turn (roles: ${read.map(({ role }) => role).join(", ")})`);
  return {
    system: system?.content ?? null,
    history: others.slice(0, -1).map(({ role, content }) => ({ role: role as Turn["role"], content })),
    prompt: question.content,
    reply: read.length > end ? read.at(-1)!.content : null,
    pictures: turns.flatMap(({ pictures }) => pictures),
  };
}

function readMessage(message: Values, index: number): Message {
  const where = `message ${index + 1}`;
  const named = (message["role"] ?? message["from"]) as string;
  const role = roles[named.toLowerCase()];
  if (role === undefined)
    throw new Error(`${where} has the role "${quoted(String(named))}"; ${Object.keys(roles).join(", ")} are read`);
  const calls = message["tool_calls"];
  if (Array.isArray(calls) && calls.length > 0) throw new Error(`${where} calls tools, which is not trained on`);
  const content = message["content"] ?? message["value"] ?? message["text"];
  if (typeof content === "string") return { role, content, pictures: placesIn(content) };
  if (!Array.isArray(content))
    throw new Error(`${where} has no content: a text or a list of parts is needed, found ${shown(content)}`);
  const parts = content.map((part: unknown) => readPart(part, where));
  return { role, content: parts.map(({ text }) => text).join(""), pictures: parts.flatMap(({ pictures }) => pictures) };
}

const placesIn = (text: string): undefined[] =>
  Array.from({ length: text.split(imageMark).length - 1 }, () => undefined);

/** Keys that are null are those of other kinds of parts: Arrow and Parquet give each part the keys of all. */
function readPart(part: unknown, where: string): { readonly text: string; readonly pictures: readonly unknown[] } {
  if (typeof part === "string") return { text: part, pictures: placesIn(part) };
  if (typeof part !== "object" || part === null)
    throw new Error(`${where} holds ${shown(part)} instead of a part { type, … }`);
  const given: Values = Object.fromEntries(
    Object.entries(part as Values).filter(([, value]) => value !== null && value !== undefined),
  );
  const type =
    typeof given["type"] === "string"
      ? given["type"]
      : (["text", "image", "image_url", "video", "audio"].find((key) => key in given) ?? "");
  if (type === "text" || type === "input_text" || type === "output_text") {
    const text = given["text"] ?? given["content"] ?? given["value"];
    if (typeof text !== "string") throw new Error(`${where} has a part of text without text`);
    return { text, pictures: placesIn(text) };
  }
  if (type === "image" || type === "image_url" || type === "input_image") {
    const inner = ["image", "image_url", "url", "path", "bytes", "data", "base64", "source", "value"].filter(
      (key) => given[key] !== undefined && given[key] !== "",
    );
    const picture =
      inner.length === 0 ? undefined : inner.includes("bytes") || inner.length > 1 ? given : given[inner[0]!];
    return { text: imageMark, pictures: [picture] };
  }
  throw new Error(
    `${where} has a part of the type "${quoted(String(type))}": texts and pictures are read${/video/.test(type) ? "; take frames from videos" : ""}`,
  );
}

/**
 * Pictures in their places: those of the messages where they stand, the row's own in the places that are left.
 * @throws Error where these are not as many
 */
export function placed(inMessages: readonly unknown[], own: readonly unknown[]): readonly unknown[] {
  const inside = inMessages.filter((picture) => picture !== undefined).length;
  if (inside === 0) return own;
  const left = inMessages.length - inside;
  if (own.length !== left)
    throw new Error(
      `the messages hold ${inside} pictures themselves and leave places for ${left} more, and the row's columns have ${own.length} (columns: { images: [] } reads those of the messages alone)`,
    );
  let next = 0;
  return inMessages.map((picture) => picture ?? own[next++]);
}

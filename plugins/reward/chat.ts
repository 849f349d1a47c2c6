/**
 * Asking a language model through any server that speaks OpenAI's chat completions (vLLM, Ollama, llama.cpp, a
 * provider).
 */
import { environment } from "@papo/core";
import { z } from "zod";
import { askServer, type Server } from "./request.ts";

export const chatSchema = {
  /** The model's name on the server. */
  model: z.string().min(1),
  /** Environment variable that holds the server's key; null: none is sent. */
  keyVariable: z.string().nullable().default(null),
  /** Of the judge's own sampling. */
  temperature: z.number().nonnegative().default(0),
  /** Longest verdict in tokens. */
  maxTokens: z.int().positive().meta({ unit: "tokens" }).default(512),
} as const;

export interface ChatServer extends Server {
  readonly model: string;
  readonly keyVariable: string | null;
  readonly temperature: number;
  readonly maxTokens: number;
}

const answerSchema = z.object({ choices: z.array(z.object({ message: z.object({ content: z.string() }) })).min(1) });

/**
 * What the model says to one turn of a user.
 * @param pictures data URLs or addresses, shown before the text
 * @throws Error with what the server said when that is no chat completion
 */
export async function askChat(
  { url, headers, model, keyVariable, temperature, maxTokens, ...limits }: ChatServer,
  text: string,
  signal: AbortSignal,
  pictures: readonly string[] = [],
): Promise<string> {
  const key = keyVariable === null ? {} : { Authorization: environment(keyVariable, "Bearer ") };
  const server = { url, ...limits, headers: { ...headers, ...key } };
  const content =
    pictures.length === 0
      ? text
      : [...pictures.map((picture) => ({ type: "image_url", image_url: { url: picture } })), { type: "text", text }];
  const { body, said } = await askServer(
    server,
    { model, temperature, max_tokens: maxTokens, messages: [{ role: "user", content }] },
    signal,
  );
  const answer = answerSchema.safeParse(body);
  if (!answer.success) throw new Error(`${url} answered ${said}, which is no chat completion`);
  return answer.data.choices[0]!.message.content;
}

/** A prompt without its pictures. */
import { imageMark } from "../model/processing/chat-template.ts";
import type { PromptParts } from "../contracts/registered/views.ts";

/** A prompt's text alone: no pictures and no marks for them. */
export function withoutPictures({ prompt, system, history }: PromptParts): PromptParts {
  const strip = (text: string): string => text.replaceAll(imageMark, "").trim();
  return {
    prompt: strip(prompt),
    system: system === null ? null : strip(system),
    ...(history === undefined
      ? {}
      : { history: history.map(({ role, content }) => ({ role, content: strip(content) })) }),
    pictures: [],
  };
}

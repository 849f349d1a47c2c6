/** A model folder's processor as the pipeline's port. */
import { imageMark, splitAtImages } from "../model/chat-template.ts";
import type { Processor } from "../model/processor.ts";
import type { PromptProcessor } from "../pipeline/policy.ts";

/** Pictures that a row has no `<image>` mark for go before its text. */
export const promptProcessor = (processor: Processor): PromptProcessor => ({
  encodePictures: (pictures) => pictures.map((picture) => processor.encodePicture(picture)),
  encodePrompt: ({ prompt, system }, pictures) => {
    const marks = [prompt, system ?? ""].flatMap(splitAtImages).filter(({ type }) => type === "image").length;
    const text = imageMark.repeat(Math.max(0, pictures.length - marks)) + prompt;
    return processor.encodePromptWith(system === null ? { prompt: text } : { prompt: text, system }, pictures);
  },
  decode: (tokens) => processor.decode(tokens, { skipSpecial: true }),
  stopTokens: processor.stopTokens,
  bannedTokens: processor.bannedTokens,
});

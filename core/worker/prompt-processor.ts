/** A model folder's processor as the pipeline's port, with what supervised training and reports need besides. */
import { imageMark, splitAtImages } from "../model/processing/chat-template.ts";
import type { Processor } from "../model/processing/processor.ts";
import type { TextProcessor } from "../pipeline/policy.ts";

/** Pictures that a row has no `<image>` mark for go before its text. */
export const promptProcessor = (processor: Processor): TextProcessor => ({
  encodePictures: (pictures) => pictures.map((picture) => processor.encodePicture(picture)),
  encodePrompt: ({ prompt, system }, pictures) => {
    const marks = [prompt, system ?? ""].flatMap(splitAtImages).filter(({ type }) => type === "image").length;
    const text = imageMark.repeat(Math.max(0, pictures.length - marks)) + prompt;
    return processor.encodePromptWith(system === null ? { prompt: text } : { prompt: text, system }, pictures);
  },
  visualTokens: (picture) => processor.images.tokens(picture),
  encodeText: (text) => Int32Array.from(processor.tokenizer.encode(text)),
  decode: (tokens, { special = false } = {}) => processor.decode(tokens, { skipSpecial: !special }),
  opening: processor.opening,
  encodeResponse: (text) => Int32Array.from([...processor.tokenizer.encode(text), ...processor.stopTokens.slice(0, 1)]),
  stopTokens: processor.stopTokens,
  bannedTokens: processor.bannedTokens,
});

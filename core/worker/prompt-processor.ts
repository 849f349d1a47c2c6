/** A model folder's processor as the pipeline's port, with what supervised training and reports need besides. */
import { imageMark } from "../model/processing/chat-template.ts";
import type { PictureOptions } from "../model/processing/picture.ts";
import type { Processor } from "../model/processing/processor.ts";
import type { TextProcessor } from "../contracts/policy.ts";

/** Pictures of a row without any `<image>` mark go before its prompt. */
export const promptProcessor = (processor: Processor, pictures: PictureOptions = {}): TextProcessor => ({
  pictures,
  encodePictures: (pictures) => pictures.map((picture) => processor.encodePicture(picture)),
  encodePrompt: ({ prompt, system, history = [] }, pictures) => {
    const marked = [prompt, system ?? "", ...history.map(({ content }) => content)].some((text) =>
      text.includes(imageMark),
    );
    const content = marked ? prompt : imageMark.repeat(pictures.length) + prompt;
    return processor.encodePromptWith(
      {
        messages: [
          ...(system === null ? [] : [{ role: "system", content: system }]),
          ...history,
          { role: "user", content },
        ],
      },
      pictures,
    );
  },
  encodeReply: ({ text, role }, pictures) => {
    const content = text.includes(imageMark) ? text : imageMark.repeat(pictures.length) + text;
    return processor.encodeReplyWith({ role, content }, pictures);
  },
  visualTokens: (picture) => processor.images.tokens(picture),
  encodeText: (text) => Int32Array.from(processor.tokenizer.encode(text)),
  decode: (tokens, { special = false } = {}) => processor.decode(tokens, { skipSpecial: !special }),
  opening: processor.opening,
  encodeResponse: (text) => Int32Array.from([...processor.tokenizer.encode(text), ...processor.stopTokens.slice(0, 1)]),
  stopTokens: processor.stopTokens,
  bannedTokens: processor.bannedTokens,
});

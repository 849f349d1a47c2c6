/**
 * Tokens by which chat formats mark turns, pictures and ends: in a question they are read as what they mark, not as
 * text.
 */

/** As Qwen, Llama, Phi, DeepSeek, InternVL, Gemma, Idefics, SmolVLM and Mistral write them. */
const usual =
  /<\|[^|<>\s]{1,60}\|>|<｜[^｜<>]{1,60}｜>|<(?:start_of_turn|end_of_turn|start_of_image|end_of_image|image_soft_token|end_of_utterance|fake_token_around_image|global-img|row_\d+_col_\d+|bos|eos|pad|unk|s|\/s|IMG_CONTEXT|img|\/img)>|\[\/?INST\]|\[(?:IMG|IMG_BREAK|IMG_END)\]/g;

/**
 * Those of a text, in order; `own` are a model's special tokens, the usual ones of all formats by default. `<image>` is
 * a picture's mark, no token.
 */
export function controlTokensIn(text: string, own?: readonly string[]): string[] {
  if (own === undefined) return text.match(usual) ?? [];
  return own.filter((token) => token !== "<image>" && text.includes(token));
}

/** The text with a space after the first character of each, so that it is read as text. */
export const spellControlTokens = (text: string): string =>
  text.replace(usual, (token) => `${token[0]!} ${token.slice(1)}`);

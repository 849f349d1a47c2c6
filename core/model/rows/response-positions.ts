/** Where a response's tokens stand after its prompt, pictures that an environment gave among them. */
import type { Decoder, EncodedPrompt, GivenTokens, Positions } from "../model.ts";

/** What positions depend on of a response. */
export interface ResponseText extends Pick<GivenTokens, "pictures"> {
  readonly tokens: Int32Array;
}

/**
 * Rotary positions of a response's tokens, [3, length], and of the token after them: those that the whole sequence has.
 * @param first position of the response's first token, as `positions` of its prompt says
 */
export function responsePositions(
  decoder: Decoder,
  prompt: EncodedPrompt,
  { tokens, pictures }: ResponseText,
  first: number,
): Positions {
  const { length } = tokens;
  if (pictures.length === 0)
    return {
      components: Int32Array.from({ length: 3 * length }, (_, i) => first + (i % length)),
      next: first + length,
    };
  const ids = Int32Array.from([...prompt.ids, ...tokens]);
  const whole = decoder.positions({ ids, pictures: [...prompt.pictures, ...pictures] });
  const components = new Int32Array(3 * length);
  for (let component = 0; component < 3; component++) {
    const end = (component + 1) * ids.length;
    components.set(whole.components.subarray(end - length, end), component * length);
  }
  return { components, next: whole.next };
}

/** What configs of several families have in common: fields, and how a wrong one is reported. */
import { z } from "zod";
import { faultsOf } from "../../options/options.ts";
import type { TextConfig, TokenIds } from "./config.ts";
import { isObject, type JsonObject } from "./json.ts";

export const count = z.int().positive();
export const id = z.int().nonnegative();
/** Far beyond any real model; a hostile file must not make us name a billion parameters. */
export const layerCount = count.max(1000);
/** Far beyond any real vocabulary or width: products of two of them stay exact. */
export const width = count.max(2 ** 24);
export const ids = z.union([id, z.array(id)]);

/**
 * A section of a config, checked.
 * @throws Error naming every key that is wrong and what was found, keys after `prefix`
 */
export function check<T extends z.ZodType>(schema: T, value: unknown, prefix: string): z.output<T> {
  const result = schema.safeParse(value ?? {});
  if (result.success) return result.data;
  throw new Error(faultsOf(result.error, value, prefix));
}

export function demand(holds: boolean, message: string): asserts holds {
  if (!holds) throw new Error(message);
}

/** @throws Error with the message unless `whole` is a multiple of `part` */
export const demandDivides = (part: number, whole: number, message: string): void =>
  demand(whole % part === 0, message);

/** The decoder's section: nested as transformers 5 writes it, or among the root's keys as older files have it. */
export function textSection(raw: JsonObject): { readonly fields: JsonObject; readonly prefix: string } {
  const nested = raw["text_config"];
  return isObject(nested) ? { fields: { ...raw, ...nested }, prefix: "text_config." } : { fields: raw, prefix: "" };
}

/** Whether head and embedding are one: where root or text says so, as in transformers. */
export const tiedOf = (raw: JsonObject): boolean =>
  [raw, raw["text_config"]].some((section) => isObject(section) && section["tie_word_embeddings"] === true);

/**
 * Rotary positions as transformers 5 writes them (`rope_parameters`), or as older files have them (`rope_theta` beside
 * `rope_scaling`).
 */
export const ropeSchema = z.looseObject({
  rope_theta: z.number().positive().nullish(),
  mrope_section: z.tuple([count, count, count]).nullish(),
  mrope_interleaved: z.boolean().nullish(),
  rope_type: z.string().nullish(),
  type: z.string().nullish(),
});

export const ropeFields = {
  rope_theta: z.number().positive().nullish(),
  rope_parameters: ropeSchema.nullish(),
  rope_scaling: ropeSchema.nullish(),
};

/** @throws Error for a kind of rotary positions that is not computed here */
export function ropeOf(
  fields: { readonly [key in keyof typeof ropeFields]?: z.output<(typeof ropeFields)[key]> },
  defaultTheta: number,
) {
  const rope = { ...fields.rope_scaling, ...fields.rope_parameters };
  const type = rope.rope_type ?? rope.type ?? "default";
  demand(
    type === "default" || type === "mrope",
    `rotary positions of type "${type}" are not supported, only "default"`,
  );
  return { ...rope, theta: rope.rope_theta ?? fields.rope_theta ?? defaultTheta };
}

/** The ids that end a text; the root's go before the text's. */
export const endTokens = (...places: readonly (number | readonly number[] | null | undefined)[]): number[] =>
  [places.find((place) => place !== null && place !== undefined) ?? []].flat();

/** @throws Error where heads do not divide, or a token is outside the vocabulary */
export function checkDecoder(
  { heads, kvHeads, headSize, vocabSize }: TextConfig,
  { image, pad, eos, reserved }: TokenIds,
): void {
  demandDivides(kvHeads, heads, `num_attention_heads ${heads} is not divisible by num_key_value_heads ${kvHeads}`);
  demandDivides(2, headSize, `a head of ${headSize} numbers cannot turn in pairs`);
  const outside = (name: string, tokens: readonly (number | null)[]): void => {
    for (const token of tokens)
      demand(token === null || token < vocabSize, `the ${name} token ${token} is outside vocab_size ${vocabSize}`);
  };
  outside("image", [image]);
  outside("pad", [pad]);
  outside("eos", eos);
  outside("vision", reserved);
}

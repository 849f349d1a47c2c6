/** The contract of a model family: what learner, sampler and files need to know of an architecture. */
import type { HostArray } from "../graph/executor.ts";
import type { Graph, Value } from "../graph/graph.ts";
import type { AttentionBlocks } from "../graph/ops/index.ts";
import type { EncodedPicture } from "./processing/picture.ts";

/** A tokenised prompt with its pictures: one id per visual token, pictures in the order of their placeholders. */
export interface EncodedPrompt {
  /** [prompt length], a placeholder for each visual token. @unit token ids */
  readonly ids: Int32Array;
  /** In the order of their placeholders. */
  readonly pictures: readonly EncodedPicture[];
  /**
   * 1 for visual tokens that are left out, [visual tokens of all pictures]: nothing attends to them and they attend to
   * nothing, while all others keep their positions. Default: none.
   * @unit 0 or 1
   */
  readonly dropped?: Uint8Array;
  /**
   * 1 for visual tokens that outputs about the picture are about, [visual tokens of all pictures]; no log-prob depends
   * on it. Default: all. @unit 0 or 1
   */
  readonly regarded?: Uint8Array;
  /**
   * What text tokens read of the picture is changed inside the decoder; it can be scored, without a gradient, and not
   * sampled from. Default: nothing is.
   */
  readonly values?: ValueChange;
}

/**
 * In every layer, for each text token: of the probabilities that its queries put on visual tokens, those above their
 * mean by more than so many standard deviations (of n − 1), over heads and visual tokens, fall on something else than
 * the token's value: on the mean of all numbers of the values of the visual tokens that the head sees. Probabilities up
 * to 1e-8 count as not seen.
 */
export interface ValueChange {
  /** How far above the mean a probability must be. @unit standard deviations */
  readonly deviations: number;
}

/** What an environment wrote of a response: read by all tokens after it, and predicted by nobody. */
export interface GivenTokens {
  /** 1 where the environment wrote the token, [tokens of the response]. @unit 0 or 1 */
  readonly flags: Uint8Array;
  /** In the order of their placeholders in the response. */
  readonly pictures: readonly EncodedPicture[];
}

/** Tokens of a prompt that the decoder reads. */
export const promptLength = ({ ids, dropped }: EncodedPrompt): number =>
  ids.length - (dropped?.reduce((count, flag) => count + flag, 0) ?? 0);

/** A model's weights by Hugging Face parameter name, float32, row-major. */
export type Weights = Map<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;

/** Gives a parameter as a value of the graph being traced. */
export type Parameters = (name: string) => Value;

/** Shapes by Hugging Face name, in file order. */
export type ParameterShapes = ReadonlyMap<string, readonly number[]>;

export interface VisionLanguageModel {
  /** Of every parameter: the tower's, then the decoder's. */
  readonly parameters: ParameterShapes;
  readonly vision: VisionTower;
  readonly decoder: Decoder;
}

/** A model of its two parts. */
export const modelOf = (vision: VisionTower, decoder: Decoder): VisionLanguageModel => ({
  vision,
  decoder,
  parameters: new Map([...vision.parameters, ...decoder.parameters]),
});

export interface TowerOptions {
  /** What is inside a block is computed again for the gradient: see `recomputed`. Default null: it is kept. */
  readonly one?: Value | null;
  /** Attention over whole pictures is computed a block of queries at a time. Default false. */
  readonly inBlocks?: boolean;
}

/** How pictures are fed. */
export interface PictureFeedOptions {
  /** As they are traced with. Default false. */
  readonly inBlocks?: boolean;
  /** All sizes are among few (math/bucket.ts): rows that are no patch come last. Default false. */
  readonly padded?: boolean;
}

export interface VisionTower {
  readonly parameters: ParameterShapes;
  /** Numbers of a visual token's features: (1 + the decoder's `deepFeatures`) · hidden. */
  readonly featureWidth: number;
  /**
   * Pictures → features of all their visual tokens, [tokens, featureWidth]; inputs are those of `feeds` with the same
   * `inBlocks`.
   */
  trace(graph: Graph, parameters: Parameters, options?: TowerOptions): Value;
  /**
   * The attention that each visual token's patches receive from all patches of the picture, [F]: mean over heads and
   * over the tower's blocks of full attention, summed over queries. Inputs are those of `feeds`, rows those of `order`.
   */
  traceAttention(graph: Graph, parameters: Parameters): Value;
  feeds(pictures: readonly EncodedPicture[], options?: PictureFeedOptions): Readonly<Record<string, HostArray>>;
  /** Rows of the traced features, from these feeds. */
  rows(feeds: Readonly<Record<string, HostArray>>): number;
  /** Row of the traced features for each visual token, picture after picture, in token order. */
  order(pictures: readonly EncodedPicture[]): Int32Array;
  /** Visual tokens of a picture. */
  tokens(picture: EncodedPicture): number;
  /** The grid of a picture of about so many visual tokens, as square as may be. */
  gridOf(visualTokens: number): EncodedPicture["grid"];
}

/** Rotary positions of a prompt. */
export interface Positions {
  /** Three components per token (time, height, width), [3, length]. */
  readonly components: Int32Array;
  /** Position of the first response token, in all components. */
  readonly next: number;
}

/** Keys and values of a stretch of tokens, one pair per layer. */
export interface KeyValue {
  readonly key: Value;
  readonly value: Value;
}

/**
 * A decoder over segments: B prompts (prefixes) of up to P tokens, each with up to N responses of up to R tokens. A
 * prefix is attended once for all its responses. Prefixes and responses are padded on the right; padding is never
 * attended by a real token.
 */
export interface Decoder {
  readonly parameters: ParameterShapes;
  readonly layers: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly headSize: number;
  readonly hiddenSize: number;
  readonly vocabularySize: number;
  /** The id of a visual token's placeholder. */
  readonly pictureToken: number;
  /**
   * So many layers, from the first, are followed by features of their own that are added to visual tokens
   * (arXiv:2406.04334, DeepStack).
   */
  readonly deepFeatures: number;
  /** Throws when the placeholders in `ids` do not match the pictures. */
  positions(prompt: EncodedPrompt): Positions;
  /** cos and sin [rows, headSize / 2] of rotary positions [3, rows]. */
  rotary(components: Int32Array): { readonly cos: Float32Array; readonly sin: Float32Array };
  /** Embeddings of token ids [K] int32 → [K, hidden]. */
  embed(parameters: Parameters, ids: Value): Value;
  /** @param watched layers whose attention to regarded visual tokens is given too */
  traceSegments(parameters: Parameters, input: SegmentInput, watched?: ReadonlySet<number>): TracedSegments;
  /** Hidden states [B·P, hidden] and each layer's keys and values [B, kvHeads, P, headSize]. */
  tracePrefix(
    parameters: Parameters,
    input: PrefixInput,
  ): { readonly hidden: Value; readonly cache: readonly KeyValue[] };
  /**
   * Some new tokens per response: hidden states [B·N·W, hidden] and the new rows of each layer's cache, [B, kvHeads, N,
   * W, headSize].
   */
  traceWords(
    parameters: Parameters,
    input: WordsInput,
  ): { readonly hidden: Value; readonly cache: readonly KeyValue[] };
  /**
   * One new token per response: hidden states [B·N, hidden] and the new rows of each layer's cache, [B, kvHeads, N,
   * headSize], or the caches (`place`).
   */
  traceDecode(
    parameters: Parameters,
    input: DecodeInput,
  ): { readonly hidden: Value; readonly cache: readonly KeyValue[] };
  /** The head's weights [vocabulary, hidden]: logits of a hidden state are its products with the rows. */
  head(parameters: Parameters): Value;
}

export interface TracedSegments {
  /** Hidden states after the last norm of prefix and response rows, [rows, hidden]. */
  readonly hidden: Value;
  /**
   * Of watched layers: the probability that each row's queries put on regarded visual tokens, by head, [rows, heads].
   */
  readonly toPicture: ReadonlyMap<number, Value>;
  /** Queries [rows, heads·headSize] and keys [rows, kvHeads·headSize] of a layer, turned by their positions. */
  queriesAndKeys(layer: number): { readonly q: Value; readonly k: Value };
}

export interface PrefixInput {
  /** [B·P, hidden] with visual features in place. */
  readonly embeddings: Value;
  /** What is added after each of the first layers, [B·P, hidden] each, 0 at text; `deepFeatures` in all. */
  readonly deep: readonly Value[];
  /** [B·P, headSize / 2]. */
  readonly cos: Value;
  readonly sin: Value;
  /** 0 where attention is allowed, very negative elsewhere, [P, P]. */
  readonly prefixCausal: Value;
  /** Null: attention is computed whole, over padded slots. Otherwise in these blocks, which are all rows. */
  readonly blocks: AttentionBlocks | null;
  /** Null: attention reads values as they are. Otherwise, row by row, [rows, 3]: see `changeFields`. */
  readonly change: Value | null;
  readonly B: Value["shape"][number];
  readonly P: Value["shape"][number];
}

/**
 * Which row stands in which padded slot: prefix slots [B·P], then response slots [B·N·R], S in all. Of int32 but for
 * `filled`.
 */
export interface RowSlots {
  /** The row of each slot (any row in the padding), [S]. */
  readonly ofSlots: Value;
  /** The first slot of each row, [T]. */
  readonly ofRows: Value;
  /** 1 for a row's first slot, 0 for its others and for padding, [S, 1]. */
  readonly filled: Value;
  /** The other slots of rows that stand in several, and those rows, [C]. */
  readonly copySlots: Value;
  readonly copyRows: Value;
}

export interface SegmentInput extends PrefixInput {
  /**
   * Null: where attention is in blocks, rows are the tokens alone, prompts' first and then responses', [T, …]; else
   * `embeddings`, `deep`, `cos` and `sin` have a row for each slot, prefix slots first: [B·P + B·N·R, …]. Otherwise
   * they are rows [T, …] that stand in slots.
   */
  readonly slots: RowSlots | null;
  readonly responseCausal: Value;
  /** Which prefix positions are real, additive, [B, 1, 1, 1, P]. */
  readonly prefixMask: Value;
  /** 1 for rows of regarded visual tokens and 0 for others, [rows, 1]; an input of graphs that ask for it. */
  readonly regarded: () => Value;
  /** A value [1] that is fed as 1, for what is computed a second time. */
  readonly one: Value;
  /** What is inside a layer is computed again for the gradient instead of being kept. */
  readonly recompute: boolean;
  readonly N: Value["shape"][number];
  readonly R: Value["shape"][number];
}

/** What is cached of B prompts of up to P tokens and of N responses of up to L tokens to each. */
export interface CachedInput {
  /** Per layer, [B, kvHeads, P, headSize]. */
  readonly prefix: readonly KeyValue[];
  /** Per layer, [B, kvHeads, N, L, headSize]. */
  readonly own: readonly KeyValue[];
  readonly B: Value["shape"][number];
  readonly N: Value["shape"][number];
  readonly P: Value["shape"][number];
  readonly L: Value["shape"][number];
}

/** Up to W new tokens for each of B prompts' N responses, after what is cached; padded on the right. */
export interface WordsInput extends CachedInput, Pick<PrefixInput, "embeddings" | "deep" | "cos" | "sin"> {
  /** Which of a prompt's prefix and of its responses' cached tokens is attended, additive, [B, 1, N, 1, P + L]. */
  readonly mask: Value;
  /** 0 where a new token attends to a new one, very negative elsewhere, [W, W]. */
  readonly causal: Value;
  readonly W: Value["shape"][number];
}

export interface DecodeInput extends CachedInput {
  /** Weights are not constants: nothing is made of them alone, which would be made for each token. Default false. */
  readonly apart?: boolean;
  /** [B·N, hidden]. */
  readonly embeddings: Value;
  /** [B·N, headSize / 2]. */
  readonly cos: Value;
  readonly sin: Value;
  /**
   * Where along L the newest token's keys and values are written, [1] int32: the caches are then returned with them,
   * and L covers the newest token. Null: the caches are left alone, and the new rows are returned.
   */
  readonly place: Value | null;
  /**
   * Which of a prompt's prefix, of its responses' cached tokens and of the newest token is attended, additive, [B, 1,
   * N, 1, P + L + 1], or with a place [B, 1, 1, 1, P + L].
   */
  readonly mask: Value;
}

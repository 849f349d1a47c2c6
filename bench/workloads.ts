/** What is measured: prompts with one picture of 64 visual tokens, their responses, and the model. */
export interface Workload {
  readonly name: string;
  /** A name of models.ts. */
  readonly model: string;
  readonly prompts: number;
  /** To each prompt. */
  readonly responses: number;
  /** Text tokens of a prompt, vision marks included, besides its 64 visual tokens. */
  readonly text: number;
  /** Tokens of a response; the longest one where lengths vary. */
  readonly tokens: number;
  /** Tokens of the vocabulary that end a response: with 8 of 2,048 its length is about geometric with mean 256. */
  readonly stops: number;
  /** Whether the learner's responses differ in length: those of a step are spread evenly from a few tokens to `tokens`. */
  readonly ragged: boolean;
}

/** Tokens of the response `row` of a learner's batch of `rows`; torch_side.py has the same. */
export const lengthOf = ({ ragged, tokens }: Workload, row: number, rows: number): number => (ragged ? Math.ceil((tokens * (((7 * row) % rows) + 1)) / rows) : tokens);

export const visualTokens = 64;
/** Patches of a 224 × 224 picture: time, height, width. */
export const grid = [1, 16, 16] as const;

const base: Workload = { name: "bench", model: "bench", prompts: 4, responses: 8, text: 32, tokens: 64, stops: 0, ragged: false };

export const workloads = {
  bench: base,
  long: { ...base, name: "long", prompts: 2, text: 448, tokens: 512, stops: 8 },
  ragged: { ...base, name: "ragged", ragged: true },
  wide: { ...base, name: "wide", model: "wide" },
  m44: { ...base, name: "m44", model: "m44" },
  m300: { ...base, name: "m300", model: "m300" },
} as const satisfies Record<string, Workload>;

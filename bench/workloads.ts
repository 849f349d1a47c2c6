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
  /**
   * Lengths of the learner's responses: all `tokens`; "ragged", spread evenly from a few tokens to `tokens`; "spread",
   * from 64 tokens.
   */
  readonly lengths: "equal" | "ragged" | "spread";
}

/** Tokens of the response `row` of a learner's batch of `rows`; torch_side.py has the same. */
export function lengthOf({ lengths, tokens }: Workload, row: number, rows: number): number {
  if (lengths === "equal") return tokens;
  const place = (7 * row) % rows;
  return lengths === "ragged"
    ? Math.ceil((tokens * (place + 1)) / rows)
    : Math.round(64 + ((tokens - 64) * place) / (rows - 1));
}

export const visualTokens = 64;
/** Patches of a 224 × 224 picture: time, height, width. */
export const grid = [1, 16, 16] as const;

const base: Workload = {
  name: "bench",
  model: "bench",
  prompts: 4,
  responses: 8,
  text: 32,
  tokens: 64,
  stops: 0,
  lengths: "equal",
};

/** Of models of real size. */
const few = { prompts: 2, responses: 4 };

export const workloads = {
  bench: base,
  long: { ...base, name: "long", prompts: 2, text: 448, tokens: 512, stops: 8 },
  ragged: { ...base, name: "ragged", lengths: "ragged" },
  wide: { ...base, name: "wide", model: "wide" },
  m44: { ...base, name: "m44", model: "m44" },
  m300: { ...base, name: "m300", model: "m300" },
  m110: { ...base, name: "m110", model: "m110", ...few },
  m530: { ...base, name: "m530", model: "m530", ...few },
  b1: { ...base, name: "b1", model: "b1", ...few },
  b3: { ...base, name: "b3", model: "b3", prompts: 1, responses: 2, tokens: 16 },
  spread: { ...base, name: "spread", model: "m110", prompts: 1, tokens: 2048, lengths: "spread" },
  longest: { ...base, name: "longest", model: "m110", prompts: 1, tokens: 2048 },
} as const satisfies Record<string, Workload>;

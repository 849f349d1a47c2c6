/** What a step came to. */
import type { StepSummary } from "../events.ts";

export interface StepOutcome {
  readonly summary: StepSummary;
  /** Seconds by phase. */
  readonly seconds: Readonly<Record<string, number>>;
  /**
   * What scores and views that every step does not need anyway cost, in seconds: by term of the loss; by plugin where
   * one asks and gives no term.
   */
  readonly terms: Readonly<Record<string, number>>;
  /** Tokens sampled. */
  readonly tokens: number;
  /**
   * Of runs of programs that are compiled for each set of sizes, the share that compiled nothing; absent or null where
   * there are none.
   */
  readonly knownSizes?: number | null;
  readonly skippedRows: number;
  /** What the step was given and sampled, in short digests by name; absent in what earlier versions saved. */
  readonly digests?: Readonly<Record<string, string>>;
  /** The same of its first prompts and responses by number; absent in what earlier versions saved. */
  readonly numbers?: StepNumbers;
}

/**
 * Numbers of a step's first prompts and responses, few enough for a line: what says by how much a step that is computed
 * again differs, and where. Arrays are the base64 of their bytes.
 */
export interface StepNumbers {
  readonly views: readonly ViewNumbers[];
  readonly responses: readonly ResponseNumbers[];
}

/** A view of a prompt. */
export interface ViewNumbers {
  readonly view: string;
  /** The prompt's key. */
  readonly key: string;
  readonly round: number;
  /** Index of the response that it was made for; absent where all of the prompt's have it. */
  readonly response?: number;
  /** Tokens, pictures and visual tokens left out, in one short digest. */
  readonly digest: string;
  /**
   * A bit a patch, the first one lowest, picture after picture: 1 where the patch is not the original view's; absent
   * for the original, for pictures of another grid, and where there is no room.
   */
  readonly changed?: string;
  /** A bit a visual token: 1 where it is left out. */
  readonly dropped?: string;
}

export interface ResponseNumbers {
  /** The prompt's key. */
  readonly key: string;
  readonly round: number;
  readonly index: number;
  /** Tokens. */
  readonly length: number;
  /** Int32 of the first tokens. */
  readonly tokens: string;
  /** Float32 of their log-probs. */
  readonly logProbs: string;
  readonly reward: number;
}

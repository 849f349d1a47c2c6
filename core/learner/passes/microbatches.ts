/**
 * Cutting a minibatch into pieces that fit in memory. The loss never sees the cuts: they change memory, not results.
 */
import { type EncodedPrompt, promptLength } from "../../model/model.ts";
import type { Extent } from "../../model/rows/sizes.ts";
import type { LearnerBatch } from "../learner.ts";

/** Rows (indices into the batch) of some prompts. */
export interface Microbatch {
  readonly groups: readonly { readonly prompt: number; readonly rows: readonly number[] }[];
}

type Padding = (extent: Extent) => Extent;

/**
 * Padded tokens of a microbatch stay within `tokens`, unless a single response with its prompt is longer.
 * @param padding what sizes become where they must be among few; default: they stay
 */
export function microbatches(batch: LearnerBatch, tokens: number, padding: Padding = (extent) => extent): Microbatch[] {
  const cuts: { prompt: number; rows: number[] }[][] = [];
  let current: { prompt: number; rows: number[] }[] = [];
  const close = (): void => {
    if (current.length > 0) cuts.push(current);
    current = [];
  };
  for (const [prompt, rows] of rowsByPrompt(batch)) {
    if (paddedTokens(batch, [...current, { prompt, rows }], padding) <= tokens) {
      current.push({ prompt, rows });
      continue;
    }
    close();
    for (const row of rows) {
      const last = current[0];
      if (last && paddedTokens(batch, [{ prompt, rows: [...last.rows, row] }], padding) > tokens) close();
      if (current[0]) current[0].rows.push(row);
      else current.push({ prompt, rows: [row] });
    }
  }
  close();
  return cuts.map((groups) => ({ groups }));
}

function rowsByPrompt({ rows }: LearnerBatch): Map<number, number[]> {
  const byPrompt = new Map<number, number[]>();
  rows.forEach(({ prompt, tokens }, row) => {
    if (tokens.length === 0) return;
    const known = byPrompt.get(prompt) ?? [];
    known.push(row);
    byPrompt.set(prompt, known);
  });
  return byPrompt;
}

/** Tokens of a pass over these rows, padding included. */
export function paddedTokens(
  batch: LearnerBatch,
  groups: Microbatch["groups"],
  padding: Padding = (extent) => extent,
): number {
  const P = Math.max(...groups.map(({ prompt }) => promptLength(batch.prompts[prompt] as EncodedPrompt)));
  const N = Math.max(...groups.map(({ rows }) => rows.length));
  const R = Math.max(...groups.flatMap(({ rows }) => rows.map((row) => batch.rows[row]?.tokens.length ?? 0)));
  const padded = padding({ B: groups.length, P, N, R });
  return padded.B * (padded.P + padded.N * padded.R);
}

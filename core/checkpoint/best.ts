/** The weights of the step where a metric was best. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { closest } from "fastest-levenshtein";
import type { Learner } from "../learner/learner.ts";
import type { RunSettings } from "../contracts/settings.ts";
import { writeFolderAtomic } from "../machine/atomic-file.ts";

/** What `best/best.json` says of the weights beside it. */
export interface Best {
  readonly step: number;
  readonly metric: string;
  readonly value: number;
}

/** The best of a run so far; null before there is one. */
export function readBest(folder: string): Best | null {
  const file = join(folder, "best.json");
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Best) : null;
}

/**
 * Keep the current weights in `folder` when a step's metric is better than that of those kept there; equal is not
 * better.
 * @returns what was kept now, null when nothing was
 */
export async function keepBest(
  folder: string,
  { metric, mode }: NonNullable<RunSettings["keepBest"]>,
  { step, metrics }: { readonly step: number; readonly metrics: Readonly<Record<string, number>> },
  learner: Learner,
): Promise<Best | null> {
  const value = metrics[metric];
  const best = readBest(folder);
  if (value === undefined || Number.isNaN(value)) return null;
  // A resumed run comes by steps again that it had done.
  if (best !== null && best.metric === metric && best.step !== step && !(mode === "max" ? value > best.value : value < best.value)) return null;
  const kept = { step, metric, value };
  await writeFolderAtomic(folder, async (temporary) => {
    mkdirSync(temporary, { recursive: true });
    await learner.save(temporary, "export");
    writeFileSync(join(temporary, "best.json"), `${JSON.stringify(kept)}\n`);
  });
  return kept;
}

/** What to say where a step that should have a metric has not. */
export const noSuchMetric = (metric: string, metrics: Readonly<Record<string, number>>): string =>
  `keepBest: there is no metric "${metric}"; did you mean "${closest(metric, Object.keys(metrics))}"? Nothing is kept until there is one`;

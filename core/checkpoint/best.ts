/** The weights of the step where a metric was best. */
import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { closest } from "fastest-levenshtein";
import { z } from "zod";
import type { Learner } from "../learner/learner.ts";
import type { RunSettings } from "../contracts/settings.ts";
import { writeFolderAtomic } from "../machine/atomic-file.ts";
import { readJsonFile } from "../machine/json-file.ts";

/** What `best/best.json` says of the weights beside it. */
export interface Best {
  readonly step: number;
  readonly metric: string;
  readonly value: number;
}

const schema = z.object({ step: z.number(), metric: z.string(), value: z.number() });

/** The best of a run so far; null before there is one. @throws Error naming the file when it is damaged */
export function readBest(folder: string): Best | null {
  const file = join(folder, "best.json");
  return existsSync(file)
    ? readJsonFile(
        file,
        schema,
        "it says how good the weights beside it are; bring it back from a copy, or move the folder away",
      )
    : null;
}

/**
 * Move weights of which it can no longer be said how good they are to a folder beside their own, so that they stay.
 * @returns what to say, null where nothing was damaged
 */
export function setDamagedBestAside(folder: string): string | null {
  try {
    readBest(folder);
    return null;
  } catch (error) {
    const kept = freeName(`${folder}-damaged`);
    renameSync(folder, kept);
    return `${(error as Error).message}. Its weights are now in ${kept}, and the best is kept anew from here`;
  }
}

function freeName(wanted: string): string {
  let name = wanted;
  for (let at = 2; existsSync(name); at++) name = `${wanted}-${at}`;
  return name;
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
  if (value === undefined || !Number.isFinite(value)) return null;
  // A resumed run comes by steps again that it had done.
  if (
    best !== null &&
    best.metric === metric &&
    best.step !== step &&
    !(mode === "max" ? value > best.value : value < best.value)
  )
    return null;
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

/** A short run that loggers follow, with a picture among its rollouts, and its metrics as metrics.jsonl has them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "@papo/core";
import { train } from "../../../core/pipeline/run.ts";
import type { LoggedRollout } from "../../../plugins/observe/log-sink.ts";
import { BanditPlugin, banditSettings, letterRows, ScorerPlugin } from "../../support/bandit.ts";
import { tabularPolicy } from "../../support/tabular-policy.ts";

/** Train so many steps in a folder, or go on there. */
export async function loggedRun(
  output: string,
  plugins: readonly Plugin[],
  steps: number,
  resume = false,
): Promise<void> {
  const settings = { ...banditSettings, steps, checkpointEvery: 2 };
  await train({
    policy: tabularPolicy(),
    plugins: [new ScorerPlugin(), new BanditPlugin(), ...plugins],
    dataset: letterRows,
    settings,
    output,
    resume,
  });
}

export const metricsOf = (output: string): { step: number; metrics: Record<string, number> }[] =>
  readFileSync(join(output, "metrics.jsonl"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { step: number; metrics: Record<string, number> });

/** A PNG of one black pixel. */
const png = new Uint8Array(
  Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==", "base64"),
);

export const rollout: LoggedRollout = {
  question: 'How many "dots", or\nlines | are there?',
  answer: "3",
  response: "<think> 3 </think> \\boxed{3}",
  reward: 0.5,
  parts: { accuracy: 0.5 },
  finish: "stop",
  pictures: [
    { view: "original", png, width: 1, height: 1 },
    { view: "masked", png, width: 1, height: 1 },
  ],
};

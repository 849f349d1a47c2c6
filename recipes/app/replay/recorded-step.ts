/** What a run's folder holds of a step. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { faultsOf, readJsonFile, readWholeLines, type StepNumbers } from "@papo/core";
import { z } from "zod";
import type { RecordedStep } from "./compare.ts";

const stepLine = z.looseObject({ step: z.number() });
const metricsLine = z.looseObject({
  step: z.number(),
  metrics: z.record(z.string(), z.union([z.number(), z.string()])),
});

const place = { key: z.string(), round: z.number() };
const view = z.looseObject({
  view: z.string(),
  ...place,
  response: z.number().optional(),
  digest: z.string(),
  changed: z.string().optional(),
  dropped: z.string().optional(),
});
const response = z.looseObject({
  ...place,
  index: z.number(),
  length: z.number(),
  tokens: z.string(),
  logProbs: z.string(),
  reward: z.unknown(),
});
const numbers = z.looseObject({ views: z.array(view), responses: z.array(response) });
const digestsLine = z.looseObject({
  step: z.number(),
  digests: z.record(z.string(), z.string()),
  numbers: numbers.optional(),
});

const verdictLine = z.looseObject({
  prompt: z.string(),
  round: z.number(),
  index: z.number(),
  scorer: z.string(),
  tokens: z.string(),
  value: z.number().nullable(),
});

/** Earlier versions wrote sizes alone. */
const manifestSchema = z.record(
  z.string(),
  z.union([z.object({ sha256: z.string().optional() }), z.number().transform(() => ({ sha256: undefined }))]),
);

/** @throws Error when the folder holds nothing of the step, or something else than a run writes, naming the file */
export function recordedStep(folder: string, step: number): RecordedStep {
  const metrics = stepsIn(join(folder, "metrics.jsonl"));
  const found = metrics.find((line) => line.step === step);
  if (found === undefined) {
    const steps = metrics.map((line) => line.step);
    const held =
      steps.length === 0 ? "it holds those of no step" : `it holds those of steps ${steps[0]} to ${steps.at(-1)}`;
    throw new Error(`${folder} holds no metrics of step ${step}: ${held}`);
  }
  const steps = join(folder, "steps.jsonl");
  const line = stepsIn(steps).find((one) => one.step === step);
  const recorded = line === undefined ? null : checked(steps, digestsLine, line);
  const rewards = join(folder, "rewards", `step-${step}.jsonl`);
  const manifest = join(folder, "checkpoints", `step-${step}`, "files.json");
  return {
    step,
    metrics: checked(join(folder, "metrics.jsonl"), metricsLine, found).metrics,
    digests: recorded?.digests ?? null,
    numbers: (recorded?.numbers ?? null) as StepNumbers | null,
    verdicts: linesIn(rewards).map((verdict) => checked(rewards, verdictLine, verdict)),
    files: existsSync(manifest)
      ? readJsonFile(
          manifest,
          manifestSchema,
          "the checkpoint beside it is damaged; replay a step that has none, or remove that folder",
        )
      : null,
  };
}

const linesIn = (file: string): unknown[] => (existsSync(file) ? readWholeLines(file) : []);

/** Lines that say of which step they are; others are damaged. */
const stepsIn = (file: string): { readonly step: number }[] =>
  linesIn(file).flatMap((line) => {
    const { success, data } = stepLine.safeParse(line);
    return success ? [data] : [];
  });

function checked<S extends z.ZodType>(file: string, schema: S, line: unknown): z.output<S> {
  const parsed = schema.safeParse(line);
  if (parsed.success) return parsed.data;
  throw new Error(`${file} holds a line that is not what a run writes: ${faultsOf(parsed.error, line)}`);
}

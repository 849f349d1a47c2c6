/** An evaluation with the real pictures, and the same questions under other conditions of them. */
import { join } from "node:path";
import { writeFileAtomic } from "@papo/core";
import { evaluateModel, type EvaluationOptions, type EvaluationSettings } from "./evaluate-model.ts";
import type { ChangedCondition, PictureCondition } from "./pictures.ts";
import type { Question } from "./question.ts";
import { dependenceOf, ksOf, scoresOf, type Scores } from "./scores.ts";
import { mean } from "./statistics.ts";

export interface ConditionsOptions extends Omit<EvaluationOptions, "settings" | "evidence" | "onProgress" | "output"> {
  readonly settings: Omit<EvaluationSettings, "pictures">;
  /** The real ones first. */
  readonly conditions: readonly PictureCondition[];
  /** The folder of the evaluation with the real pictures; those of the others are in it, by name. */
  readonly output: string;
  /** A condition begins; what it gives is told how many questions are done, and that all are. */
  readonly onCondition?: (condition: PictureCondition) => { advance(done: number): void; end(): void };
}

/**
 * Questions by condition. Writes scores.json beside each questions.jsonl, and dependence.jsonl: by question, what its
 * answers owe to the pictures.
 */
export async function evaluateConditions({
  conditions,
  output,
  onCondition,
  ...options
}: ConditionsOptions): Promise<ReadonlyMap<PictureCondition, readonly Question[]>> {
  const byCondition = new Map<PictureCondition, readonly Question[]>();
  const changed = conditions.filter((condition): condition is ChangedCondition => condition !== "real");
  for (const condition of conditions) {
    const settings: EvaluationSettings = { ...options.settings, pictures: condition };
    const folder = condition === "real" ? output : join(output, condition);
    const phase = onCondition?.(condition);
    const questions = await evaluateModel({
      ...options,
      settings,
      output: folder,
      ...(condition === "real" ? { evidence: changed } : {}),
      onProgress: (done) => phase?.advance(done),
    });
    phase?.end();
    byCondition.set(condition, questions);
    writeFileAtomic(
      join(folder, "scores.json"),
      `${JSON.stringify({ settings, ...scoresOf(questions, ksOf(settings.samples), settings.seed) }, null, 1)}\n`,
    );
  }
  if (changed.length > 0)
    writeFileAtomic(
      join(output, "dependence.jsonl"),
      dependenceOf(byCondition)
        .map((one) => `${JSON.stringify(one)}\n`)
        .join(""),
    );
  return byCondition;
}

/** The numbers of an evaluation as metrics of a run: evaluation/average, and what else there is to say. */
export function evaluationMetrics(
  byCondition: ReadonlyMap<PictureCondition, readonly Question[]>,
  samples: number,
): Record<string, number> {
  const scores: Scores = scoresOf(byCondition.get("real") ?? [], ksOf(samples));
  const dependence = dependenceOf(byCondition);
  const values = (of: Readonly<Record<string, { readonly value: number }>>): [string, number][] =>
    Object.entries(of).map(([name, { value }]) => [name, value]);
  const metrics: (readonly [string, number])[] = [
    ["average", scores.average.value],
    ...(samples > 1
      ? [
          [`pass@${samples}`, scores.pass[samples]!.value] as const,
          [`maj@${samples}`, scores.majority[samples]!.value] as const,
        ]
      : []),
    ...Object.entries(scores.categories).flatMap(([column, own]) =>
      values(own).map(([name, value]) => [`${column}/${name}`, value] as const),
    ),
    ...values(scores.errors).map(([name, value]) => [`error/${name}`, value] as const),
    ...(scores.consistency === null ? [] : [["consistency", scores.consistency.value] as const]),
    ...(dependence.length === 0 ? [] : [["visual_dependence", mean(dependence.map((one) => one.dependence))] as const]),
    ...Object.entries(scores.evidence).map(([condition, { lost }]) => [`lost/${condition}`, lost.value] as const),
  ];
  return Object.fromEntries(metrics.map(([name, value]) => [`evaluation/${name}`, value]));
}

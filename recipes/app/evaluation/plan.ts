/** What a run measures itself by: before it, after it, and in between. */
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import {
  createHost,
  parseOptions,
  textDigest,
  type Dataset,
  type EvaluationInLoop,
  type OpenPolicy,
  type Plugin,
  type StartWeights,
} from "@papo/core";
import { Verifier } from "@papo/plugins";
import { z } from "zod";
import type { Data } from "../../run-file/data-source.ts";
import { openedWeights } from "../../run-file/model-folder.ts";
import type { Display } from "../display/display.ts";
import { evaluateConditions, evaluationMetrics } from "./evaluate-conditions.ts";
import { holdsSame, type EvaluationSettings } from "./evaluate-model.ts";
import { rewardJudge } from "./judges.ts";
import { conditionsOf, type PictureCondition } from "./pictures.ts";
import type { Question } from "./question.ts";

export interface EvaluationPlan {
  /** Rows that the run is not trained on. */
  readonly data: Data;
  /** Measure after every so many steps too; default: before and after the run alone. */
  readonly every?: number;
  /** Answers to each question; default 1, greedy. */
  readonly samples?: number;
  /** Of several answers; default 1. */
  readonly temperature?: number;
  /** Columns whose values are categories; "a.b" is b of the column a. */
  readonly categories?: readonly string[];
  /**
   * Conditions of the pictures besides the real ones: "masked", "blank", "swapped", "absent". Their difference is the
   * metric evaluation/visual_dependence.
   */
  readonly pictures?: readonly Exclude<PictureCondition, "real">[];
}

export const evaluationSchema = z.strictObject({
  data: z.unknown(),
  every: z.int().positive().optional(),
  samples: z.int().positive().default(1),
  temperature: z.number().nonnegative().optional(),
  categories: z.array(z.string()).default([]),
  pictures: z.array(z.string()).default([]),
});

/** A run file's `evaluation`: rows alone, or a plan. */
export type Evaluation = Data | EvaluationPlan;

export const isPlan = (evaluation: Evaluation): evaluation is EvaluationPlan =>
  typeof evaluation === "object" && "data" in evaluation;

/** What is measured, with its options checked. @throws Error naming the option at fault */
export function planOf(
  evaluation: Evaluation,
): Omit<z.output<typeof evaluationSchema>, "data" | "pictures"> & {
  readonly data: Data;
  readonly conditions: readonly PictureCondition[];
} {
  const { data, pictures, ...rest } = parseOptions(
    "evaluation",
    evaluationSchema,
    isPlan(evaluation) ? evaluation : { data: evaluation },
  );
  return { ...rest, data: data as Data, conditions: conditionsOf("evaluation: pictures", pictures) };
}

export interface RunEvaluation {
  readonly policy: OpenPolicy;
  /** The folder of the weights that training begins with. */
  readonly model: string;
  /** Their digests. */
  readonly weights: StartWeights;
  readonly plan: ReturnType<typeof planOf>;
  readonly dataset: Dataset;
  /** Whose rewards judge. */
  readonly plugins: readonly Plugin[];
  readonly maxNewTokens: number;
  /** The run's folder: results go to evaluation/<moment>. */
  readonly output: string;
  readonly display: Display;
  /** When it fires, a measurement ends with its reason, and can be gone on with. */
  readonly signal?: AbortSignal;
}

/** Questions by condition of their pictures. */
type Measured = ReadonlyMap<PictureCondition, readonly Question[]>;

type MeasuredWeights = Pick<EvaluationSettings, "model" | "weights">;

/** A run's measurements, with what was measured last. */
export class RunMeasurements {
  readonly #evaluation: RunEvaluation;
  /** The last measurement between steps, and the version of the weights that it is of. */
  #last: { readonly step: number; readonly version: number; readonly measured: Measured } | null = null;

  constructor(evaluation: RunEvaluation) {
    this.#evaluation = evaluation;
  }

  /**
   * Of the weights as they were opened. @param goOn with what a run that is resumed at its first step left, which is of
   * the same weights
   */
  before(goOn: boolean): Promise<Measured> {
    const { model, weights } = this.#evaluation;
    return this.#measure("before", { model, weights: openedWeights(weights) }, goOn);
  }

  /**
   * Of the weights after the last step; those that were measured just now, or by an earlier call, are not measured
   * again.
   */
  async after(steps: number): Promise<Measured> {
    const { policy, output } = this.#evaluation;
    const last = this.#last;
    if (last === null || last.step !== steps || last.version !== policy.learner.version)
      return this.#measure("after", await this.#trained(steps), true);
    rmSync(join(output, "evaluation", "after"), { recursive: true, force: true });
    cpSync(join(output, "evaluation", momentOf(steps)), join(output, "evaluation", "after"), { recursive: true });
    return last.measured;
  }

  /** Measurements while the run is on, as metrics evaluation/…; null where the plan has none. */
  inLoop(): EvaluationInLoop | null {
    const {
      plan: { every, samples },
      policy,
    } = this.#evaluation;
    if (every === undefined) return null;
    return {
      every,
      measure: async ({ step }, goOn) => {
        const measured = await this.#measure(momentOf(step), await this.#trained(step), goOn);
        this.#last = { step, version: policy.learner.version, measured };
        return evaluationMetrics(measured, samples);
      },
    };
  }

  /** The weights as they are now, after a step. */
  async #trained(step: number): Promise<MeasuredWeights> {
    const {
      policy: { learner },
      weights,
    } = this.#evaluation;
    const trained =
      learner.digest === undefined
        ? null
        : textDigest(JSON.stringify([openedWeights(weights), await learner.digest()]));
    return { model: `the run's weights after step ${step}`, ...(trained === null ? {} : { weights: trained }) };
  }

  /** @param goOn with what the folder holds of these weights; otherwise it is measured afresh */
  async #measure(moment: string, measured: MeasuredWeights, goOn: boolean): Promise<Measured> {
    const { policy, plan, dataset, plugins, maxNewTokens, output, display, signal } = this.#evaluation;
    const folder = join(output, "evaluation", moment);
    const { samples, temperature = samples === 1 ? 0 : 1, categories, conditions } = plan;
    const { scorers, environments } = createHost(plugins, { seed: 1 });
    const names = [...environments.keys()];
    const settings = {
      ...measured,
      ...(names.length === 0 ? {} : { environments: names }),
      data: dataset.name,
      samples,
      temperature,
      topP: 1,
      topK: 0,
      maxNewTokens,
      seed: 1,
    };
    if (
      !goOn ||
      conditions.some(
        (pictures) => !holdsSame(pictures === "real" ? folder : join(folder, pictures), { ...settings, pictures }),
      )
    )
      rmSync(folder, { recursive: true, force: true });
    const verifier = new Verifier();
    try {
      return await evaluateConditions({
        policy,
        dataset,
        settings,
        conditions,
        categories,
        scorers: [...scorers.values()],
        environments: [...environments.values()],
        judge: rewardJudge(verifier),
        output: folder,
        pictures: output,
        ...(signal === undefined ? {} : { signal }),
        onCondition: (condition) =>
          display.phase(
            `evaluating ${dataset.size} rows ${moment}${condition === "real" ? "" : `, pictures ${condition}`}`,
            dataset.size,
          ),
      });
    } finally {
      await verifier.close();
    }
  }
}

const momentOf = (step: number): string => `step-${step}`;

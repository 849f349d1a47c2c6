import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { LearnerBatch, Output, Outputs } from "../../core/learner/learner.ts";
import { executors } from "../support/executors.ts";
import {
  completionBatch,
  createLearner,
  encodeMessage,
  type GoldenPart,
  type LoadedModel,
  loadModel,
} from "./loaded-model.ts";
import { goldenJson, goldenTensors, hasPart, largestDifference, relativeError, tensorOf } from "./support.ts";

type ByPrecision<T> = Readonly<Record<"f32" | "f64", T>>;

/** What make_attention.py writes of a case. */
interface AttentionCase {
  readonly values: Readonly<Record<string, ByPrecision<readonly number[]>>>;
  /** L2 norms of gradients by parameter, and some gradients whole. */
  readonly norms: ByPrecision<Readonly<Record<string, number>>>;
  readonly whole: ByPrecision<Readonly<Record<string, readonly number[]>>>;
  /** Log-probs where text tokens do not read what they look at most of the picture, by deviations. */
  readonly changed: Readonly<Record<string, ByPrecision<readonly number[]>>>;
  /** Parameters whose gradient is so small that it is rounding. */
  readonly noise: readonly string[];
}

const golden = goldenJson<Readonly<Record<string, AttentionCase>>>("attention.json") ?? {};
const there = hasPart("attention.json");
const names = Object.keys(golden);

// A file without tests would be an error.
test.skipIf(there)("attention to the picture", ({ skip }) => skip());

/** The closer of torch's two precisions. */
const closer = <T>(values: ByPrecision<T>, error: (wanted: T) => number): number =>
  Math.min(error(values.f32), error(values.f64));

const ways = [
  ["padded", {}],
  ["recomputed", { recompute: true }],
  ["in blocks", { longRow: 1 }],
  ["in blocks, recomputed", { longRow: 1, recompute: true }],
] as const;

describe
  .skipIf(!there)
  .each(names.flatMap((name) => executors.map((executor) => ({ name, executor, on: executor.name }))))(
  "attention to the picture: $name on $on",
  ({ name, executor }) => {
    const { values, changed, norms, whole, noise } = golden[name]!;
    const asked = Object.keys(values) as Output[];
    let model: LoadedModel;
    let batch: LearnerBatch;
    beforeAll(async () => {
      model = await loadModel(name.split(".")[0]!, executor);
      const { messages } = goldenJson<{ readonly messages: readonly (readonly GoldenPart[])[] }>(
        `models/${name}.json`,
      )!;
      const tensors = (await goldenTensors(`models/${name}.safetensors`))!;
      const encoded = await Promise.all(messages.map((parts) => encodeMessage(model, parts)));
      batch = completionBatch(
        encoded.map(({ prompt }) => prompt),
        tensorOf(tensors, "completion_ids"),
        tensorOf(tensors, "completion_mask"),
      );
    });
    afterAll(() => model.runtime.release());

    // One family goes all ways: what they share is tested there.
    test.each(name === names[0] ? ways : [ways[0], ways[3]])(
      "values and gradients are torch's: %s",
      async (_, options) => {
        const learner = createLearner(model, 4096, options);
        const scored = await learner.score(batch, ["logProbs", ...asked]);
        for (const output of asked)
          expect(
            closer(values[output]!, (wanted) => largestDifference(scored[output]!, wanted)),
            output,
          ).toBeLessThanOrEqual(2e-5);
        const T = values[asked[0]!]!.f64.length / batch.rows.length;
        const cotangent = (k: number): Float32Array =>
          Float32Array.from({ length: batch.rows.length * T }, (_value, i) =>
            i % T < batch.rows[Math.floor(i / T)]!.tokens.length ? Math.cos(k + 3 * Math.floor(i / T) + (i % T)) : 0,
          );
        const cotangents = Object.fromEntries(asked.map((output, k) => [output, cotangent(k)])) as Outputs;
        const again = await learner.backward(batch, cotangents);
        for (const output of asked)
          expect(
            closer(values[output]!, (wanted) => largestDifference(again[output]!, wanted)),
            output,
          ).toBeLessThanOrEqual(2e-5);
        const norm = (x: ArrayLike<number>): number =>
          Math.sqrt(Array.from(x).reduce((sum: number, g) => sum + g * g, 0));
        const own = (parameter: string): Float32Array => learner.gradients.get(parameter) ?? new Float32Array();
        const off = Object.keys(norms.f64)
          .filter((parameter) => !noise.includes(parameter))
          .flatMap((parameter) => {
            const wanted = { f32: norms.f32[parameter]!, f64: norms.f64[parameter]! };
            const error = closer(wanted, (one) => Math.abs(norm(own(parameter)) - one) / one);
            return error <= 1e-4 ? [] : [`${parameter}: ${error}`];
          });
        expect(off).toEqual([]);
        expect(Object.keys(whole.f64).length).toBeGreaterThan(2);
        for (const parameter of Object.keys(whole.f64)) {
          const error = closer({ f32: whole.f32[parameter]!, f64: whole.f64[parameter]! }, (wanted) =>
            relativeError(own(parameter), wanted),
          );
          expect(error, parameter).toBeLessThanOrEqual(1e-4);
        }
        const strangers = [...learner.gradients].filter(
          ([parameter, gradient]) =>
            !(parameter in norms.f64) && norm(gradient) > 1e-5 * norm(Object.values(norms.f64)),
        );
        expect(
          strangers.map(([parameter]) => parameter),
          "parameters with a gradient here and none in torch",
        ).toEqual([]);
        await learner.release();
      },
    );

    test.each([
      ["whole", {}],
      ["in blocks", { longRow: 1 }],
    ] as const)("values that are changed in the decoder: %s", async (_, options) => {
      const learner = createLearner(model, 4096, options);
      const { logProbs: plain } = await learner.score(batch, ["logProbs"]);
      for (const [deviations, wanted] of Object.entries(changed)) {
        const prompts = batch.prompts.map((prompt) => ({ ...prompt, values: { deviations: Number(deviations) } }));
        const { logProbs } = await learner.score({ ...batch, prompts }, ["logProbs"]);
        expect(
          closer(wanted, (one) => largestDifference(logProbs!, one)),
          deviations,
        ).toBeLessThanOrEqual(2e-5);
        expect(largestDifference(logProbs!, plain!)).toBeGreaterThan(1e-3);
        // Beside prompts that change nothing, which share what came before.
        const rows = [
          ...batch.rows,
          ...batch.rows.map(({ prompt, tokens }) => ({ prompt: prompt + prompts.length, tokens })),
        ];
        const both = await learner.score({ prompts: [...batch.prompts, ...prompts], rows, temperature: 1 }, [
          "logProbs",
        ]);
        expect(largestDifference(both.logProbs!, [...plain!, ...logProbs!])).toBeLessThan(1e-5);
        await expect(learner.backward({ ...batch, prompts }, { logProbs: plain! })).rejects.toThrow(
          "they are scored alone",
        );
      }
      await learner.release();
    });
  },
);

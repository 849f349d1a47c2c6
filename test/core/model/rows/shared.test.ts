import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EncodedPicture } from "../../../../core/model/processing/picture.ts";
import { sharedRows } from "../../../../core/model/rows/shared.ts";
import type { SegmentGroup } from "../../../../core/model/rows/groups.ts";
import { paddedRows } from "../../../../core/model/rows/padded.ts";
import { segmentLayout } from "../../../../core/model/rows/segments.ts";
import { hashPixels } from "../../../../core/model/processing/image-processor.ts";
import { ModelRuntime } from "../../../../core/model/runtime.ts";
import type { LearnerBatch } from "../../../../core/learner/learner.ts";
import { createLearner, loadModel, type LoadedModel } from "../../../golden/loaded-model.ts";
import { relativeError } from "../../../golden/support.ts";
import { executors } from "../../../support/executors.ts";

const image = 479;
const picture = (seed: number, [height, width]: readonly [number, number]): EncodedPicture => {
  const grid = [1, height, width] as const;
  const pixels = Float32Array.from({ length: height * width * 1176 }, (_, i) => Math.sin(seed * i));
  return { hash: hashPixels(grid, pixels), grid, pixels };
};
const [seen, masked, wide] = [picture(1, [4, 4]), picture(2, [4, 4]), picture(3, [4, 8])];

/**
 * Three tokens of text, a picture, and more text: original and masked view, the same picture with another question, and
 * a wider picture.
 */
const prompts = [
  { ids: Int32Array.of(5, 6, 7, image, image, image, image, 8, 9), pictures: [seen] },
  { ids: Int32Array.of(5, 6, 7, image, image, image, image, 8, 9), pictures: [masked] },
  { ids: Int32Array.of(5, 6, 7, image, image, image, image, 8, 10, 11), pictures: [seen] },
  { ids: Int32Array.of(5, 6, ...new Array<number>(8).fill(image), 8, 9), pictures: [wide] },
];
/**
 * To each prompt: two responses that are the same, one that begins like them and goes on, one that is only a beginning,
 * one of its own.
 */
const responses = [[11, 12, 13], [11, 12, 13], [11, 12, 14, 15, 16], [11, 12], [17]].map((tokens) =>
  Int32Array.from(tokens),
);
const batch: LearnerBatch = {
  prompts,
  rows: prompts.flatMap((_, prompt) => responses.map((tokens) => ({ prompt, tokens }))),
  temperature: 0.8,
};
const cotangents = {
  logProbs: Float32Array.from({ length: 100 }, (_, i) => Math.cos(i)),
  entropy: Float32Array.from({ length: 100 }, (_, i) => 0.3 * Math.sin(i)),
  pictureSimilarity: Float32Array.from({ length: 100 }, (_, i) => 0.5 * Math.sin(2 * i)),
  "pictureAttention(all)": Float32Array.from({ length: 100 }, (_, i) => 5 * Math.sin(3 * i)),
  "pictureAlignment(-1)": Float32Array.from({ length: 100 }, (_, i) => 0.5 * Math.sin(5 * i)),
};
const asked = ["logProbs", "entropy", "pictureSimilarity", "pictureAttention(all)", "pictureAlignment(-1)"] as const;

/**
 * Of the four prompts 9, 4 + 2, 2 and 8 + 2 tokens that no other has before; of each one's 14 response tokens, 3 + 3 +
 * 1 differ.
 */
const distinct = 9 + 6 + 2 + 10 + 4 * 7;

describe.each(executors.map((executor) => [executor.name, executor] as const))(
  "on %s, tokens with equal histories",
  (_, executor) => {
    const models: LoadedModel[] = [];
    let model: LoadedModel;
    let plain: LoadedModel;
    beforeAll(async () => {
      model = await loadModel("tiny", executor);
      const { runtime } = model;
      plain = {
        ...model,
        runtime: new ModelRuntime(runtime.model, runtime.weights(), executor, { passes: { sharedRows: false } }),
      };
      models.push(model, plain);
    });
    afterAll(async () => {
      for (const { runtime } of models) await runtime.release();
    });

    test("are one row, and padding is none", async () => {
      const { runtime } = model;
      const { placed, matrix } = runtime.pictures.place(prompts, await runtime.pictures.of(prompts));
      const layout = segmentLayout(
        runtime.model.decoder,
        placed.map((prompt): SegmentGroup => ({ ...prompt, responses })),
        matrix,
      );
      const shared = sharedRows(runtime.model.decoder, layout)!;
      expect(shared.feeds["row.source"]!.shape).toEqual([distinct]);
      expect(shared.feeds["cos"]!.shape[0]).toBe(distinct);
      expect(shared.predictions.targets.length).toBe(4 * 7);
      expect(paddedRows(runtime.model.decoder, layout).feeds["cos"]!.shape[0]).toBe(4 * 12 + 4 * 5 * 5);
    });

    test("are not taken apart where nearly all differ", async () => {
      const { runtime } = model;
      const { placed, matrix } = runtime.pictures.place(prompts.slice(0, 1), await runtime.pictures.of(prompts));
      const layout = segmentLayout(
        runtime.model.decoder,
        [{ ...placed[0]!, responses: [Int32Array.of(11, 12, 13), Int32Array.of(14, 15, 16)] }],
        matrix,
      );
      expect(sharedRows(runtime.model.decoder, layout)).toBeNull();
    });

    test("have the values and gradients that they have one by one: whole, cut up, computed again in the pass back, and attended in blocks", async () => {
      const ways = [
        { loaded: model },
        { loaded: model, tokens: 40 },
        { loaded: model, options: { recompute: true, vocabularyChunk: 100 } },
        { loaded: model, options: { longRow: 1 } },
        { loaded: model, options: { longRow: 1, passBytes: 1 } },
        { loaded: plain },
      ];
      const results = await Promise.all(
        ways.map(async ({ loaded, tokens = 4096, options = {} }) => {
          const learner = createLearner(loaded, tokens, options);
          const scored = await learner.score(batch, asked);
          const outputs = await learner.backward(batch, cotangents);
          const gradients = new Map([...learner.gradients].map(([name, gradient]) => [name, gradient.slice()]));
          await learner.release();
          return { scored, outputs, gradients };
        }),
      );
      const wanted = results.at(-1)!;
      for (const found of results.slice(0, -1)) {
        for (const output of asked) {
          expect(relativeError(found.scored[output]!, wanted.scored[output]!), output).toBeLessThan(1e-5);
          expect(relativeError(found.outputs[output]!, wanted.outputs[output]!), output).toBeLessThan(1e-5);
        }
        expect([...found.gradients.keys()].sort()).toEqual([...wanted.gradients.keys()].sort());
        for (const [name, gradient] of wanted.gradients)
          expect(relativeError(found.gradients.get(name)!, gradient), name).toBeLessThan(1e-5);
      }
    });

    test("are no one row where other visual tokens are regarded: each prompt's outputs are about its own", async () => {
      const regarded = { ...prompts[0]!, regarded: Uint8Array.of(1, 0, 0, 1) };
      const rows = [0, 1].flatMap((prompt) => responses.map((tokens) => ({ prompt, tokens })));
      const both = { prompts: [prompts[0]!, regarded], rows, temperature: 1 };
      const ofPictures = asked.slice(2);
      for (const options of [{}, { longRow: 1 }]) {
        const learner = createLearner(model, 4096, options);
        const together = await learner.score(both, asked);
        const alone = await Promise.all(
          both.prompts.map((prompt) =>
            learner.score(
              { prompts: [prompt], rows: responses.map((tokens) => ({ prompt: 0, tokens })), temperature: 1 },
              asked,
            ),
          ),
        );
        for (const output of asked)
          expect(relativeError(together[output]!, [...alone[0]![output]!, ...alone[1]![output]!]), output).toBeLessThan(
            1e-5,
          );
        expect(relativeError(alone[1]!.logProbs!, alone[0]!.logProbs!)).toBeLessThan(1e-6);
        for (const output of ofPictures)
          expect(relativeError(alone[1]![output]!, alone[0]![output]!), output).toBeGreaterThan(1e-3);
      }
    });
  },
);
